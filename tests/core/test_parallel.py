"""Many items on all cores come back in order."""

import math
import operator
import os

import pytest

from pipeline.core.errors import UserError
from pipeline.core.parallel import BATCH, BATCHES_AHEAD, num_workers, parallel_map


def test_one_worker_at_least():
    assert 1 <= num_workers() <= os.cpu_count()


@pytest.mark.parametrize("total", [0, 1, 63, 200])
def test_results_keep_the_order(total):
    items = range(total)
    assert list(parallel_map(operator.neg, items, total, "test", workers=2)) == [-item for item in items]


def test_an_error_in_a_worker_reaches_the_caller():
    with pytest.raises(ValueError, match="math domain error"):
        list(parallel_map(math.sqrt, range(99, -2, -1), 101, "test", workers=2))


def killed_by_13(item):
    return os._exit(1) if item == 13 else -item


def test_an_item_that_kills_its_process_is_named():
    with pytest.raises(UserError, match=r"ingest: 13 kills the process that works on it, .*lower max_pixels"):
        list(parallel_map(killed_by_13, range(200), 200, "ingest", workers=2))


def test_an_item_that_kills_its_process_does_not_lose_the_others():
    results = list(parallel_map(killed_by_13, range(200), 200, "test", workers=2, killed=lambda item: f"lost {item}"))
    assert results == [f"lost {item}" if item == 13 else -item for item in range(200)]


def test_items_are_taken_as_results_are():
    """However many there are, few wait: neither items nor results pile up."""
    taken = []
    items = (taken.append(item) or item for item in range(10_000))
    for done, _ in enumerate(parallel_map(operator.neg, items, 10_000, "test", workers=2)):
        assert len(taken) - done <= (2 * BATCHES_AHEAD + 1) * BATCH
