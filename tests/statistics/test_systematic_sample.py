"""A systematic sample has each stratum by its share."""

import numpy as np

from pipeline.statistics.systematic_sample import sample_evenly


def test_each_stratum_has_its_share():
    codes = np.array([0, 1] * 20 + [1] * 40 + [2] * 20)  # 20, 60 and 20
    chosen = sample_evenly(codes, 10, 0)
    assert np.bincount(codes[chosen]).tolist() == [2, 6, 2]
    assert (np.diff(chosen) > 0).all()


def test_the_seed_chooses_within_strata():
    codes = np.repeat([0, 1], 50)
    first, again, other = (sample_evenly(codes, 10, seed).tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_few_are_all():
    assert sample_evenly(np.array([3, 1, 2]), 3, 0).tolist() == [0, 1, 2]
