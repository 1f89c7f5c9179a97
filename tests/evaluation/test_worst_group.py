"""The lowest accuracy of a class or cell, with an interval that allows for the choice of the lowest."""

import numpy as np
import pytest
from slice_examples import of, table

from pipeline.evaluation.slice_accuracy import estimate_accuracy
from pipeline.evaluation.slice_candidates import list_slices
from pipeline.evaluation.worst_group import worst_group_accuracy
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)


def worst(test, min_slice=5):
    predictions = of(test)
    return worst_group_accuracy(list_slices(test, predictions, min_slice, 500)[0], predictions, BOOTSTRAP, min_slice)


def test_without_attributes_it_is_the_lowest_recall():
    right = np.ones(80, dtype=int)
    right[1::4] = 0  # 20 of the 40 of b
    found = worst(table(right))
    assert (found.value, found.n, found.groups) == (0.5, 40, 40)
    alone = estimate_accuracy(right[1::2].astype(bool), np.arange(40), BOOTSTRAP)
    assert found.low == alone.low
    assert found.high > alone.high
    assert found.caveat.startswith("the lowest of 2 accuracies, so probably below the lowest true one")


def test_with_attributes_it_is_that_of_the_cells():
    right = np.ones(80, dtype=int)
    right[1:40:2] = 0  # all of b at x
    found = worst(table(right, attr_site=["x"] * 40 + ["y"] * 40))
    assert (found.value, found.n) == (0.0, 20)
    assert found.low == 0.0
    assert 0 < found.high < 0.3


def test_a_cell_without_enough_groups_does_not_count():
    right = np.ones(80, dtype=int)
    right[1:40:2] = 0
    groups = ["one"] * 40 + [f"g{number}" for number in range(40)]
    found = worst(table(right, attr_site=["x"] * 40 + ["y"] * 40, group=groups))
    assert found.value == 1.0
    assert found.caveat.endswith("2 in fewer than 5 samples or 5 groups do not count")


def test_with_no_such_cell_it_cannot_be_judged():
    found = worst(table([1, 0] * 10, group="one"))
    assert found.value is None
    assert found.caveat == "cannot be judged: no class or cell has 5 samples in 5 groups"


@pytest.mark.parametrize("num_groups", [40, 300])
def test_the_interval_holds_the_lowest_true_accuracy(num_groups):
    """Eight cells of true accuracy 0.8 each, so that the lowest measured one is always too low."""
    held, below = 0, 0
    for seed in range(30):
        generator = np.random.default_rng([seed, num_groups])
        right = (generator.random(400) < 0.8).astype(int)
        groups = [f"g{number}" for number in generator.permutation(400) % num_groups]
        found = worst(table(right, attr_site=[f"s{row // 2 % 4}" for row in range(400)], group=groups), 20)
        held += found.low <= 0.8 <= found.high
        below += found.value < 0.8
    assert below >= 27
    assert held >= 28


def test_many_groups_are_left_out_in_blocks():
    is_right = np.arange(1000) % 10 > 0
    found = estimate_accuracy(is_right, np.arange(1000), BOOTSTRAP)
    assert (found.value, found.n, found.groups, found.caveat) == (0.9, 1000, 1000, "")
    binomial = 1.96 * np.sqrt(0.9 * 0.1 / 1000)
    assert found.high - found.low == pytest.approx(2 * binomial, rel=0.25)
