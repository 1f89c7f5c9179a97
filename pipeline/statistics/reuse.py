"""A result that several metrics need, computed once for the same arrays."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def once_per_arrays(function: Callable[..., T]) -> Callable[..., T]:
    """Keeps the result of a function of arrays for as long as all of these very arrays exist.

    Precision, recall and F1 rest on the same counts over the same resamples: without this the whole list of metrics
    takes ten times as long. The arrays are recognised by identity, so nobody may change them, or the result, in place.

    Args:
        function: Of positional arrays and whole numbers; the same ones give the same result, which refers to no array.
    """
    results: dict[tuple[int, ...], tuple[list[weakref.ref[np.ndarray]], T]] = {}

    @wraps(function)
    def compute(*arguments: np.ndarray | int) -> T:
        key = tuple(id(one) if isinstance(one, np.ndarray) else one for one in arguments)
        if key in results:
            return results[key][1]
        result = function(*arguments)
        arrays = [one for one in arguments if isinstance(one, np.ndarray)]
        # an entry leaves with the first of its arrays, so no other array can have its number
        results[key] = [weakref.ref(one, lambda _: results.pop(key, None)) for one in arrays], result
        return result

    return compute
