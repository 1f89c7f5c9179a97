"""Classes with too few samples in test for the wanted interval."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.evaluable import Evaluable
from pipeline.core.intervals import Z, samples_needed


def test_by_hand(make_manifest):
    labels = ["a"] * 21 + ["b"] * 20 + ["b"] * 50 + ["c"] * 3
    split = ["test"] * 41 + ["train"] * 50 + ["val"] * 3
    found = Evaluable(half_width=0.2, max_classes=0, on_fail="warn")(
        make_manifest(labels, split=split, group=[f"g{row % 7}" for row in range(94)])
    )
    assert (found.value, found.limit, found.passed) == (2.0, 0.0, False)
    assert found.unit == "classes with fewer than 21 samples in test"
    assert found.worst == {"c": "0 in test, 21 more needed", "b": "20 in test, 1 more needed"}
    assert found.table[-1] == {"class": "a", "in_test": 21, "groups": 7, "needed": 21}
    assert "2 of 3 classes" in found.sentence


def test_enough_of_each(make_manifest):
    found = Evaluable(half_width=0.45, max_classes=0, on_fail="warn")(
        make_manifest("aabb", split=["test"] * 4, group=list("wxyz"))
    )
    assert (found.value, found.worst, found.passed) == (0.0, {}, True)


@pytest.mark.parametrize(("half_width", "needed"), [(0.2, 21), (0.1, 93), (0.05, 381), (0.45, 1)])
def test_samples_needed_by_hand(half_width, needed):
    """1.96^2 x (1 / 0.16 - 1) = 20.2 for 0.2."""
    assert samples_needed(half_width) == needed


@given(st.floats(0.02, 0.45))
def test_no_interval_is_wider(half_width):
    needed = samples_needed(half_width)
    found = np.arange(needed + 1) / needed
    width = Z / (1 + Z**2 / needed) * np.sqrt(found * (1 - found) / needed + Z**2 / (4 * needed**2))
    assert width.max() <= half_width + 1e-9
    assert Z / (2 * math.sqrt(needed - 1 + Z**2)) > half_width - 1e-9


@pytest.mark.parametrize("half_width", [0, 0.5, -1])
def test_refused_choices(half_width):
    with pytest.raises(ValueError, match=rf"half_width must be above 0 and below 0.5, got {half_width}"):
        Evaluable(half_width=half_width, max_classes=0, on_fail="warn")
