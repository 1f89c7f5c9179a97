"""Before and after on the same samples, by the same labels."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.comparing import Compared
from pipeline.metrics.accuracy import Accuracy
from pipeline.metrics.hamming_loss import HammingLoss
from pipeline.metrics.ranking import Ranking

EYE = np.eye(2)


def predictions(names, truth, choice, groups=None):
    """Samples of two classes, with their labels and what was decided, as 0 and 1."""
    return pd.DataFrame(
        {
            "sample_id": list(names),
            "group": list(groups or names),
            "targets": [EYE[one] for one in truth],
            "decided": [EYE[one].astype(bool) for one in choice],
            "scores": [0.8 * EYE[one] + 0.1 for one in choice],
        }
    )


@pytest.fixture
def compared():
    """Common are b to e; d was called 1 and is called 0 now. Later right: b, d, e; earlier right: b by both labels,
    c, and d by the labels of then."""
    later = predictions("abcde", [0, 0, 1, 0, 1], [0, 0, 0, 0, 1])
    earlier = predictions("edcbx", [1, 1, 1, 0, 1], [0, 1, 1, 0, 1])
    return Compared.of(later, earlier)


def test_the_common_samples_and_the_relabelled_ones(compared):
    assert len(compared) == 4
    assert compared.groups.tolist() == list("bcde")
    assert compared.num_relabelled == 1


def test_gains_by_hand(compared):
    found = compared.gains({"accuracy": Accuracy(), "hamming": HammingLoss()}, 500, seed=0)
    accuracy = found["accuracy"]
    assert (accuracy["told"], accuracy["before"], accuracy["after"]) == (0.75, 0.5, 0.75)
    assert accuracy["gain"]["value"] == 0.25
    assert accuracy["gain"]["n"] == 4
    assert -1 <= accuracy["gain"]["low"] < 0.25 < accuracy["gain"]["high"] <= 1
    wrong = found["hamming"]  # two answers a picture, both wrong or both right
    assert (wrong["told"], wrong["before"], wrong["after"]) == (0.25, 0.5, 0.25)
    assert wrong["gain"]["value"] == 0.25


def test_the_interval_is_of_the_pairs():
    names = [f"s{position}" for position in range(100)]
    truth = [0] * 100
    later, earlier = ([0] * right + [1] * (100 - right) for right in (80, 50))
    found = Compared.of(predictions(names, truth, later), predictions(names, truth, earlier))
    gain = found.gains({"accuracy": Accuracy()}, 2000, seed=0)["accuracy"]["gain"]
    # 30 of 100 gained, none lost: 2 x 1.96 x sqrt(0.3 x 0.7 / 100)
    assert gain["high"] - gain["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 100), rel=0.1)


def test_groups_are_drawn_whole():
    names = [f"s{position}" for position in range(20)]
    groups = ["gained"] * 10 + ["same"] * 10
    truth, later, earlier = [0] * 20, [0] * 20, [1] * 10 + [0] * 10
    found = Compared.of(predictions(names, truth, later, groups), predictions(names, truth, earlier, groups))
    gain = found.gains({"accuracy": Accuracy()}, 500, seed=0)["accuracy"]["gain"]
    assert (gain["low"], gain["high"]) == (0, 1)  # two groups: a quarter of the draws take one of them twice


def test_one_group_says_nothing_about_chance():
    both = Compared.of(predictions("ab", [0, 1], [0, 1], "gg"), predictions("ab", [0, 1], [1, 1], "gg"))
    gain = both.gains({"accuracy": Accuracy()}, 100, seed=0)["accuracy"]["gain"]
    assert gain == {"value": 0.5, "low": None, "high": None, "n": 2}


def test_nothing_in_common():
    assert Compared.of(predictions("ab", [0, 1], [0, 1]), predictions("cd", [0, 1], [0, 1])) is None


def test_what_is_undefined_is_none():
    one_class = predictions("ab", [0, 0], [0, 1])
    found = Compared.of(one_class, one_class).gains({"auroc": Ranking(number="auroc", averaging="macro")}, 100, seed=0)
    assert found["auroc"] == {
        "told": None,
        "before": None,
        "after": None,
        "gain": {"value": None, "low": None, "high": None, "n": 2},
    }
