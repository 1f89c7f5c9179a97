"""A challenger is promoted when it gains on the test samples both were judged by."""

import numpy as np
import pandas as pd
import pytest

from pipeline.gates.better import Better
from pipeline.metrics.accuracy import Accuracy
from pipeline.metrics.hamming_loss import HammingLoss
from pipeline.metrics.ranking import Ranking
from pipeline.metrics.rate import Rate

EYE = np.eye(2)


def gate(min_gain=0.0, metric=None, seed=0):
    return Better(metric=metric or Accuracy(), min_gain=min_gain, num_resamples=1000, seed=seed)


def predictions(right, first=0, groups=None):
    """Samples of two classes in turn; `right` says which are decided rightly."""
    truth = [position % 2 for position in range(first, first + len(right))]
    choice = [one if ok else 1 - one for one, ok in zip(truth, right, strict=True)]
    return pd.DataFrame(
        {
            "sample_id": [f"s{position}" for position in range(first, first + len(right))],
            "group": groups or [f"g{position}" for position in range(first, first + len(right))],
            "targets": [EYE[one] for one in truth],
            "decided": [EYE[one].astype(bool) for one in choice],
            "scores": [0.8 * EYE[one] + 0.1 for one in choice],
        }
    )


def test_the_first_model_is_promoted():
    verdict = gate()(predictions([False] * 4), None)
    assert (verdict.promote, verdict.reasons, verdict.evidence) == (True, ["there was no champion before"], {})


def test_a_gain_by_hand():
    verdict = gate()(predictions([True] * 9 + [False]), predictions([True] * 7 + [False] * 3))
    assert verdict.promote
    assert verdict.reasons == ["gain +0.2000 on 10 common test samples, more than 0.0"]
    gain = verdict.evidence.pop("gain")
    assert verdict.evidence == {"challenger": 0.9, "champion": 0.7, "min_gain": 0.0}
    assert (gain["value"], gain["n"]) == (pytest.approx(0.2), 10)
    assert gain["low"] <= gain["value"] <= gain["high"]


@pytest.mark.parametrize(
    ("min_gain", "promote", "words"), [(0.05, True, "more than 0.05"), (0.15, False, "not more than 0.15")]
)
def test_the_gain_must_be_above_min_gain(min_gain, promote, words):
    verdict = gate(min_gain)(predictions([True] * 10), predictions([True] * 9 + [False]))
    assert verdict.promote is promote
    assert verdict.reasons == [f"gain +0.1000 on 10 common test samples, {words}"]


def test_where_smaller_is_better_a_gain_is_a_fall():
    better, worse = predictions([True] * 9 + [False]), predictions([True] * 7 + [False] * 3)
    verdict = gate(metric=HammingLoss())(better, worse)
    assert verdict.promote
    assert verdict.reasons == ["gain +0.2000 on 10 common test samples, more than 0.0"]
    assert verdict.evidence["challenger"] == pytest.approx(0.1)
    assert verdict.evidence["gain"]["low"] <= 0.2 <= verdict.evidence["gain"]["high"]
    assert not gate(metric=HammingLoss())(worse, better).promote


def test_equal_and_worse_are_not_promoted():
    same, worse = predictions([True, False] * 5), predictions([True, False] * 4 + [False] * 2)
    assert not gate()(same, same).promote
    verdict = gate()(worse, same)
    assert not verdict.promote
    assert verdict.reasons == ["gain -0.1000 on 10 common test samples, not more than 0.0"]


def test_only_common_samples_count_in_whatever_order():
    challenger = predictions([False] * 3 + [True] * 6)  # s0 to s8
    champion = predictions([True, True, False, False, True, True, True], first=5).sample(frac=1, random_state=0)
    verdict = gate()(challenger, champion)  # s5 to s8: four right against two
    assert verdict.reasons == ["gain +0.5000 on 4 common test samples, more than 0.0"]


def test_no_common_sample():
    verdict = gate()(predictions([True] * 3), predictions([True] * 3, first=3))
    assert not verdict.promote
    assert verdict.reasons == ["no test sample is common to both: the champion was judged on other data"]


def test_labels_that_changed_hold_for_both():
    champion = predictions([True] * 4)  # of the classes 0, 1, 0, 1
    challenger = predictions([True, True, True, False])
    challenger["targets"] = [EYE[1], EYE[1], EYE[0], EYE[0]]  # today; the challenger's decisions are 0, 1, 0, 0
    verdict = gate()(challenger, champion)
    assert verdict.promote
    assert verdict.reasons == [
        "gain +0.2500 on 4 common test samples, more than 0.0",
        "both judged by the labels of today, which 2 of them did not have before",
    ]
    assert (verdict.evidence["challenger"], verdict.evidence["champion"]) == (0.75, 0.5)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_paired_interval_has_the_sign_of_a_clear_gain(sign):
    good, bad = predictions([True] * 90 + [False] * 10), predictions([True] * 60 + [False] * 40)
    gain = gate()(*((good, bad) if sign > 0 else (bad, good))).evidence["gain"]
    assert sign * gain["low"] > 0
    assert sign * gain["high"] > 0
    assert gain["low"] < gain["value"] < gain["high"]


def test_the_interval_is_paired():
    # 30 of 100 gained, none lost: the difference varies by 2 x 1.96 x sqrt(0.3 x 0.7 / 100), the two alone by more
    good, bad = predictions([True] * 80 + [False] * 20), predictions([True] * 50 + [False] * 50)
    gain = gate()(good, bad).evidence["gain"]
    assert gain["high"] - gain["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 100), rel=0.15)


def test_a_gain_in_one_group_alone_is_uncertain():
    groups = [f"g{position // 20}" for position in range(100)]
    good, bad = predictions([True] * 100, groups=groups), predictions([False] * 20 + [True] * 80, groups=groups)
    gain = gate()(good, bad).evidence["gain"]
    assert gain["low"] == 0  # a third of the resamples miss that group
    assert gain["high"] >= 0.4


def test_the_seed_decides():
    good, bad = predictions([True] * 80 + [False] * 20), predictions([True] * 50 + [False] * 50)
    assert gate(seed=1)(good, bad) == gate(seed=1)(good, bad)
    assert gate(seed=1)(good, bad).evidence["gain"]["low"] <= gate(seed=2)(good, bad).evidence["gain"]["high"]


def test_any_metric_of_one_number():
    verdict = gate(metric=Ranking(number="auroc", averaging="macro"))(predictions([True] * 4), predictions([False] * 4))
    assert verdict.evidence["challenger"] == 1
    assert verdict.evidence["champion"] == 0


def test_a_metric_that_is_undefined_promotes_nothing():
    one_class = predictions([True] * 4)
    one_class["targets"] = [EYE[0]] * 4
    verdict = gate(metric=Ranking(number="auroc", averaging="macro"))(one_class, one_class)
    assert not verdict.promote
    assert verdict.reasons == ["the gate's metric is undefined on the 4 common test samples"]
    assert verdict.evidence == {}  # not-a-number could not be written as JSON


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"metric": Rate(number="f1", averaging="none")}, r"^metric must be one number for all classes \(averaging"),
        ({"num_resamples": 99}, r"^num_resamples must be at least 100, got 99$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        Better(**{"metric": Accuracy(), "min_gain": 0.0, "num_resamples": 100, "seed": 0, **choices})
