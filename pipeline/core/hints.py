"""Compares the values of a file with the type hints of what is built from them: kinds, choices and ranges."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from annotated_types import Interval

if TYPE_CHECKING:
    from pydantic import TypeAdapter

BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def find_misfits(target: Any, arguments: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with each argument that does not fit the hint of `target`, as `KEY must be ..., got ...`.

    YAML reads `off` as text, which a target would take for true, and a number with a letter in it as text, which fails
    where the key is no longer known. Nothing is converted. Only values that a file can hold are checked,
    and only against hints of such values; the target checks the rest. Not-a-number is refused everywhere, and a number
    outside the range of its hint (`Annotated[int, Ge(1)]`); `core.ranges` names the ranges that many options share.
    """
    try:
        plain = isinstance(target, type) and not dataclasses.is_dataclass(target)
        hints = get_type_hints(target.__init__ if plain else target, include_extras=True)
    except (NameError, TypeError):  # of another library, or known to its type checker alone
        return
    for key, value in arguments.items():
        if misfit := " must be a finite number" if _has_nan(value) else _misfit(hints.get(key, Any), value):
            yield f"{key}{misfit}, got {value!r}"


def _has_nan(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_nan, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and math.isnan(value)


def _misfit(hint: Any, value: Any) -> str:
    """The place in the value and what is wrong there; empty where it fits or is not checked."""
    from pydantic import ValidationError

    try:
        text = json.dumps(value)
    except TypeError:  # built from a node, or data of an artifact
        return ""
    known = _adapter(hint)
    if known is None:  # a noun, which a mapping with _target_ would have become, or none of our affair
        return " must be a mapping with _target_" if isinstance(hint, type) else ""
    try:
        known.validate_json(text, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first, *rest = errors[0]["loc"] or ("",)
        if isinstance(first, int) or (isinstance(value, dict) and first in value):
            place = "".join(f".{part}" for part in (first, *rest))
            return f"{place} must {_describe(errors[0], hint)}"
        wanted = ["be null"] if NoneType in get_args(hint) else []
        wanted += dict.fromkeys(_describe(one, hint) for one in errors)  # of each kind that the hint allows
        return f" must {' or '.join(wanted).replace(' or be ', ' or ')}"
    return ""


def _describe(error: Mapping[str, Any], hint: Any) -> str:
    """What follows `must`: the whole range of which a number left one end, else what pydantic expects."""
    ends = error.get("ctx", {})
    if not ends or not ends.keys() <= BOUNDS.keys():
        message = error["msg"].partition(" after validation")[0]
        return message.partition(" should ")[2] or f"be valid ({message})"
    given = (one for one in _intervals(hint) if all(getattr(one, end) == bound for end, bound in ends.items()))
    wanted = next(given, Interval(**ends))
    if wanted.ge is not None and wanted.le is not None:
        return f"be {wanted.ge:g} to {wanted.le:g}"
    ends = {end: getattr(wanted, end) for end in BOUNDS}
    return "be " + " and ".join(f"{BOUNDS[end]} {bound:g}" for end, bound in ends.items() if bound is not None)


def _intervals(hint: Any) -> Iterator[Interval]:
    if isinstance(hint, Interval):
        yield hint
    for part in get_args(hint):
        yield from _intervals(part)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    """None of what no file can hold."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(hint)
    except (PydanticUserError, NameError):
        return None
