"""The order in which the processes of `make test` take the tests: the longest first, so that all end together."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

LONGEST = (
    "dvc",
    "experiments",
    "conf",
    "tracking",
    "tanks",
    "pipeline",
    "queue",
    "faults",
)  # minutes each, in this order


def sort_items(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The longest groups, then the other groups and what is marked slow, then the thousands of short tests.

    xdist gives each process whole groups, from the front; by itself it begins with those of most tests, and the twenty
    of `dvc`, which take longest of all, would begin after a quarter of the time. Ties keep their order.
    """
    return sorted(items, key=_rank)


def _rank(item: pytest.Item) -> int:
    mark = item.get_closest_marker("xdist_group")
    group = mark.args[0] if mark else None
    if group in LONGEST:
        return LONGEST.index(group)
    return len(LONGEST) + (group is None and item.get_closest_marker("slow") is None)
