"""Many items on all cores come back in order."""

import math
import operator
import os

import pytest

from pipeline.core.errors import UserError
from pipeline.core.parallel import map_in_order, num_workers


def test_one_worker_at_least():
    assert 1 <= num_workers() <= os.cpu_count()


@pytest.mark.parametrize("total", [0, 1, 63, 200])
def test_results_keep_the_order(total):
    items = range(total)
    assert list(map_in_order(operator.neg, items, total, "test", workers=2)) == [-item for item in items]


def test_an_error_in_a_worker_reaches_the_caller():
    with pytest.raises(ValueError, match="math domain error"):
        list(map_in_order(math.sqrt, range(99, -2, -1), 101, "test", workers=2))


def test_a_killed_worker_is_explained():
    with pytest.raises(UserError, match=r"ingest: a worker process was killed, .*lower max_pixels"):
        list(map_in_order(os._exit, [1] * 64, 64, "ingest", workers=2))
