"""Two models class by class and slice by slice."""

import json

import numpy as np
import pandas as pd
import pytest
from predictions_examples import make_predictions
from scipy.stats import t

from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.evaluation.part_comparison import Counts, PartChange, compare_parts
from pipeline.statistics.bootstrap import Bootstrap

EYE = np.eye(2)
BOOTSTRAP = Bootstrap(num_resamples=500, seed=0)


def compare(truth, before, after, min_samples=1, groups=None, **attributes):
    names = [f"s{row:03d}" for row in range(len(truth))]
    made = (make_predictions(EYE[truth], EYE[one], names=names, groups=groups) for one in (after, before))
    pairs = PairedPredictions.match(*made)
    table = pd.DataFrame({"sample_id": names, **{f"attr_{name}": one for name, one in attributes.items()}})
    return compare_parts(pairs, table.iloc[::-1], BOOTSTRAP, min_samples)


TRUTH = np.repeat([0, 1], 20)
BEFORE = np.where(np.arange(40) < 10, 1, TRUTH)  # 10 of the first class are missed
AFTER = np.where(np.isin(np.arange(40), [0, 1, 39]), 1 - TRUTH, TRUTH)  # 2 of them, and one of the second class


def test_counts_and_gains_by_hand():
    overall, first, second = compare(TRUTH, BEFORE, AFTER)
    assert overall.counts == Counts(both=29, only_before=1, only_after=8, neither=2)
    assert overall.counts.total == overall.gain.n == 40
    assert overall.gain.value == pytest.approx(7 / 40)
    assert (first.kind, first.counts) == ("class", Counts(both=10, only_before=0, only_after=8, neither=2))
    assert (second.name, second.counts) == ("class 1", Counts(both=19, only_before=1, only_after=0, neither=0))
    assert (first.gain.value, second.gain.value) == (pytest.approx(0.4), pytest.approx(-0.05))


def test_intervals_hold_all_at_once():
    overall, first, _ = compare(TRUTH, BEFORE, AFTER)
    error = np.sqrt(0.4 * 0.6 / 19)  # of the mean of 8 ones and 12 zeros
    assert first.gain.high - first.gain.value == pytest.approx(t.ppf(1 - 0.025 / 2, 19) * error)  # two classes
    variance = (9 / 40 - (7 / 40) ** 2) / 39
    assert overall.gain.high - overall.gain.value == pytest.approx(t.ppf(0.975, 39) * np.sqrt(variance))
    assert first.is_shown
    assert first.detectable == pytest.approx((t.ppf(1 - 0.025 / 2, 19) + t.ppf(0.8, 19)) * error)


def test_slices_are_found_by_the_name_of_the_sample():
    site = ["x"] * 10 + ["y"] * 30
    *_, x, y = compare(TRUTH, BEFORE, AFTER, site=site)
    assert (x.kind, x.name, x.counts) == ("site", "x", Counts(both=0, only_before=0, only_after=8, neither=2))
    assert y.counts == Counts(both=29, only_before=1, only_after=0, neither=0)


def test_small_parts_are_left_out_and_few_groups_have_no_interval():
    parts = compare(TRUTH, BEFORE, AFTER, min_samples=11, site=["x"] * 10 + ["y"] * 30)
    assert [one.name for one in parts] == ["", "class 0", "class 1", "y"]
    groups = np.where(TRUTH == 0, np.arange(40) % 3, np.arange(40))
    _, first, second = compare(TRUTH, BEFORE, AFTER, groups=groups)
    assert (first.gain.interval, first.detectable, first.is_shown) == (None, None, False)
    assert first.gain.caveat == "no interval: it rests on 3 independent groups, fewer than 5"
    alone = t.ppf(0.975, 19) * np.sqrt(0.05 * 0.95 / 19)  # the other class has no interval, so this is one comparison
    assert second.gain.high - second.gain.value == pytest.approx(alone)


def test_no_difference_never_has_width_zero():
    overall, *_ = compare(TRUTH, BEFORE, BEFORE)
    assert overall.gain.interval == (pytest.approx(-(1 - 0.025 ** (1 / 40))), pytest.approx(1 - 0.025 ** (1 / 40)))


def test_equal_models_differ_in_at_most_one_of_twenty_comparisons():
    generator, mistaken = np.random.default_rng(0), 0
    truth, site = np.repeat([0, 1], 60), np.tile(list("abcdef"), 20)
    for _ in range(200):
        before, after = (np.where(generator.random(120) < 0.2, 1 - truth, truth) for _ in range(2))
        mistaken += any(one.is_shown for one in compare(truth, before, after, site=site)[1:])
    assert mistaken / 200 < 0.09


def test_as_json():
    for one in compare(TRUTH, BEFORE, AFTER):
        assert PartChange.from_json(json.loads(json.dumps(one.to_json()))) == one
    with pytest.raises(ValueError, match=r"^a compared part needs counts and a gain, got \{'kind': 'all'\}$"):
        PartChange.from_json({"kind": "all"})
