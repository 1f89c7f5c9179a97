"""Questions that people answer about each sample of a class, as a cell of the list of classes writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

KINDS = ("text", "choice", "number")
ATTRIBUTE = re.compile(r"(?P<name>[a-z][a-z0-9_]{0,39}):(?P<kind>[a-z]+)(?:\((?P<choices>[^()]*)\))?")


@final
@dataclass(frozen=True, kw_only=True)
class ClassAttribute:
    """A question about each sample of a class.

    Attributes:
        name: Lower case letters, digits and `_`; the manifest calls it `attr_NAME`.
        kind: `text`, `choice` or `number`.
        choices: Of a choice, at least two.
    """

    name: str
    kind: str
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> str | float:
        """The value, where it is an answer to the question.

        Raises:
            ValueError: It is none.
        """
        if self.kind == "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
                raise ValueError(f"{self.name} must be a number, found {value!r}")
            return float(value)
        if not isinstance(value, str) or len(value) > 10_000:
            raise ValueError(f"{self.name} must be a text of at most 10,000 characters")
        if self.kind == "choice" and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}, found {value[:80]!r}")
        return value

    def __str__(self) -> str:
        return f"{self.name}:{self.kind}" + (f"({'|'.join(self.choices)})" if self.choices else "")


def parse_attributes(text: str) -> tuple[ClassAttribute, ...]:
    """The attributes of a cell such as `severity:choice(mild|severe); note:text; size:number`.

    Raises:
        ValueError: It is written otherwise, or names an attribute twice.
    """
    found: list[ClassAttribute] = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        matched = ATTRIBUTE.fullmatch(part)
        if not matched or matched["kind"] not in KINDS:
            raise ValueError(
                f"an attribute is written like note:text, size:number or severity:choice(mild|severe), found {part!r}"
            )
        choices = tuple(one.strip() for one in (matched["choices"] or "").split("|") if one.strip())
        if (matched["kind"] == "choice") != (len(set(choices)) > 1) or len(set(choices)) < len(choices):
            raise ValueError(f"a choice needs at least two different values, and nothing else has any, found {part!r}")
        if matched["name"] in {one.name for one in found}:
            raise ValueError(f"the attribute {matched['name']!r} is named twice")
        found.append(ClassAttribute(name=matched["name"], kind=matched["kind"], choices=choices))
    return tuple(found)
