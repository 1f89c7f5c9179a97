"""The processes of this machine: many items on all cores come back in order."""

import math
import operator
import os

import pytest

from pipeline.core.errors import UserError
from pipeline.engines.local import BATCH, BATCHES_AHEAD, LocalEngine

ENGINE = LocalEngine(workers=2)


@pytest.mark.parametrize("total", [0, 1, 200])
def test_results_keep_the_order(total):
    assert list(ENGINE.map(operator.neg, range(total), "test")) == [-item for item in range(total)]


def test_an_error_in_a_worker_reaches_the_caller():
    with pytest.raises(ValueError, match="math domain error"):
        list(ENGINE.map(math.sqrt, range(99, -2, -1), "test"))


def killed_by_13(item):
    return os._exit(1) if item == 13 else -item


def test_an_item_that_kills_its_process_is_named():
    with pytest.raises(UserError, match=r"ingest: 13 kills the process that works on it, .*lower max_pixels"):
        list(ENGINE.map(killed_by_13, range(200), "ingest"))


def test_an_item_that_kills_its_process_does_not_lose_the_others():
    results = list(ENGINE.map(killed_by_13, range(200), "test", killed=lambda item: f"lost {item}"))
    assert results == [f"lost {item}" if item == 13 else -item for item in range(200)]


def test_items_are_taken_as_results_are():
    """However many there are, few wait: neither items nor results pile up."""
    taken = []
    items = (taken.append(item) or item for item in range(10_000))
    for done, _ in enumerate(ENGINE.map(operator.neg, items, "test")):
        assert len(taken) - done <= (2 * BATCHES_AHEAD + 1) * BATCH


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_in_this_process_takes_so_many_results_at_once(workers):
    found = LocalEngine(workers=workers).map_batches(operator.neg, lambda part: (os.getpid(), part), range(70), 32, "t")
    ranges = (range(32), range(32, 64), range(64, 70))
    assert list(found) == [(os.getpid(), [-item for item in one]) for one in ranges]
