"""A result is kept for the very same arrays, and only as long as these exist."""

import gc

import numpy as np

from pipeline.statistics.reuse import once_per_arrays


def counting():
    calls = []

    @once_per_arrays
    def total(values, factor):
        calls.append(factor)
        return float(values.sum()) * factor

    return total, calls


def test_the_same_arrays_are_computed_once():
    total, calls = counting()
    values = np.arange(4.0)
    assert [total(values, 2), total(values, 2), total(values, 3)] == [12, 12, 18]
    assert calls == [2, 3]


def test_equal_but_other_arrays_are_computed_again():
    total, calls = counting()
    assert total(np.arange(4.0), 1) == total(np.arange(4.0), 1) == 6
    assert len(calls) == 2


def test_an_array_in_the_place_of_one_that_is_gone_is_another():
    """Numbers of objects are used again: a result must not outlive its array."""
    total, _ = counting()
    for size in range(200):
        assert total(np.ones(1000)[: size + 1].copy(), 1) == size + 1
        gc.collect(0)
    results = total.__closure__[[*total.__code__.co_freevars].index("results")].cell_contents
    assert not results
