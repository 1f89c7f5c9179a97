"""Whether the values of a file are of the types that what is built from them says it takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

KINDS: dict[Any, tuple[Any, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
    type(None): (type(None), "null"),
    list: ((list, tuple), "a list"),
    tuple: ((list, tuple), "a list"),
    Sequence: ((list, tuple), "a list"),
    dict: (Mapping, "a mapping"),
    Mapping: (Mapping, "a mapping"),
}


def misfits(target: Any, arguments: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with each argument that is of another kind than the hint of `target` says, as `KEY must be ...`.

    YAML reads `off` as text, which a target would take for true, and a number with a letter in it as text, which fails
    where nobody knows of the key any more. Only what a file can hold is judged, a list as a whole; what has no hint, or
    one of another kind, is the target's own affair. A `seed` is at least 0.
    """
    try:
        plain = isinstance(target, type) and not dataclasses.is_dataclass(target)
        hints = get_type_hints(target.__init__ if plain else target)
    except (NameError, TypeError):  # of another library, or known to its type checker alone
        return
    for key, value in arguments.items():
        wanted = [get_origin(one) or one for one in _alternatives(hints.get(key))]
        if not wanted or not all(one in KINDS for one in wanted):
            continue
        if not any(_is(value, one) for one in wanted):
            yield f"{key} must be {' or '.join(KINDS[one][1] for one in wanted)}, got {value!r}"
        elif key == "seed" and isinstance(value, int) and value < 0:
            yield f"{key} must be at least 0, got {value}"


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """Those of a union; none of no hint."""
    if hint is None:
        return ()
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _is(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, KINDS[kind][0]) and not (isinstance(value, float) and math.isnan(value))
