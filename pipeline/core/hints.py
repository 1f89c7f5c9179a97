"""Whether the values of a file are of the kinds that what is built from them says it takes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def find_misfits(target: Any, arguments: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with each argument that does not fit the hint of `target`, as `KEY must be ..., got ...`.

    YAML reads `off` as text, which a target would take for true, and a number with a letter in it as text, which fails
    where nobody knows of the key any more. Nothing is converted. Only what a file can hold is judged, and only by hints
    of such things; the rest is the target's own affair. A `seed` is at least 0, and nothing is not-a-number.
    """
    try:
        plain = isinstance(target, type) and not dataclasses.is_dataclass(target)
        hints = get_type_hints(target.__init__ if plain else target)
    except (NameError, TypeError):  # of another library, or known to its type checker alone
        return
    for key, value in arguments.items():
        misfit = _misfit(hints[key], value) if key in hints else ""
        if not misfit and isinstance(value, float) and math.isnan(value):
            misfit = " must be a number"
        if not misfit and key == "seed" and isinstance(value, int) and value < 0:
            misfit = " must be at least 0"
        if misfit:
            yield f"{key}{misfit}, got {value!r}"


def _misfit(hint: Any, value: Any) -> str:
    """Where in the value what is wrong; nothing where it fits, or is none of our affair."""
    from pydantic import ValidationError

    try:
        text = json.dumps(value)
    except TypeError:  # built from a node, or data of an artifact
        return ""
    known = _adapter(hint)
    try:
        if known is not None:
            known.validate_json(text, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first, *rest = errors[0]["loc"] or ("",)
        inside = isinstance(first, int) or (isinstance(value, dict) and first in value)
        place = "".join(f".{part}" for part in (first, *rest)) if inside else ""  # else a kind that the hint allows
        wanted = dict.fromkeys(one["msg"].removeprefix("Input should be ") for one in errors[: 1 if inside else None])
        return f"{place} must be {' or '.join(wanted)}"
    return ""


@cache
def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    """None of what no file can hold."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(hint)
    except (PydanticUserError, NameError):
        return None
