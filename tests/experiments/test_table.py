"""Figures side by side, counted by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from board_examples import NUM, outcome

from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.hamming_loss import HammingLoss
from pipeline.experiments.listing import Published
from pipeline.experiments.table import COLUMNS, make_board, rank_outcome
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=400, seed=0)
THEIRS = Published(name="theirs", value=0.8, source="Nobody 2020, doi:10/x")


def made(*outcomes, failed=None, published=(), metric=None, metric_name="accuracy", margin=0.01):
    table = make_board(metric_name, metric or Accuracy(), outcomes, failed or {}, published, margin, BOOTSTRAP)
    assert list(table) == list(COLUMNS)
    return table.set_index("name")


def test_the_difference_to_the_best_is_paired_and_counted_by_hand():
    table = made(outcome("large", 2, 900), outcome("small", 4, 100), outcome("poor", 20, 10))
    assert table.index.tolist() == ["large", "small", "poor"]
    assert table["best"].tolist() == [True, False, False]
    assert table["value"].tolist() == pytest.approx([0.95, 0.9, 0.5])
    assert table["difference"].tolist() == pytest.approx([0, -2 / NUM, -18 / NUM])
    assert table.loc["large", ["difference_low", "difference_high"]].tolist() == [0, 0]  # it is the same model
    # of 40 pictures 2 and 18 are lost, none gained; t of 39 degrees of freedom
    for name, lost in (("small", 2 / NUM), ("poor", 18 / NUM)):
        half = 2.022691 * np.sqrt(lost * (1 - lost) / (NUM - 1))
        ends = table.loc[name, ["difference_low", "difference_high"]].tolist()
        assert ends == pytest.approx([-lost - half, -lost + half], rel=1e-6)
    assert table["standing"].tolist() == ["best", "inconclusive", "behind"]


def test_the_smallest_that_is_as_good_as_the_best_is_marked():
    outcomes = outcome("large", 2, 900), outcome("small", 4, 100), outcome("poor", 20, 10)
    # small is at most 0.05 + 0.0706 below large
    table = made(*outcomes, margin=0.13)
    assert table["standing"].tolist() == ["best", "as_good", "behind"]
    assert table.index[table["smallest"]].tolist() == ["small"]  # poor is smaller, and certainly worse
    table = made(*outcomes, margin=0.11)
    assert table["standing"].tolist() == ["best", "inconclusive", "behind"]
    assert table.index[table["smallest"]].tolist() == ["large"]  # that small is as good is not shown


def test_an_interval_that_holds_0_alone_does_not_make_a_model_as_good():
    """Two that agree on all 40 pictures may differ by 0.088 elsewhere: too few pictures for a margin of 0.01."""
    table = made(outcome("large", 3, 900), outcome("small", 3, 100), outcome("tiny", 4, 10))
    assert table["standing"].to_dict() == {"large": "inconclusive", "small": "best", "tiny": "inconclusive"}
    assert table.loc["large", "difference_low"] == pytest.approx(-(1 - 0.025 ** (1 / NUM)))
    assert table.index[table["smallest"]].tolist() == ["small"]


def test_the_best_is_marked_where_no_smaller_one_is_as_good():
    table = made(outcome("large", 0, 900), outcome("small", 20, 100), outcome("larger", 1, 1000))
    assert table.index[table["smallest"]].tolist() == ["large"]


def test_groups_and_caveats_stand_in_the_table():
    estimate = Estimate(value=0.9, low=0.8, high=0.97, n=NUM, groups=7, caveat="few")
    table = made(outcome("large", 2, 900), outcome("small", 4, 100, estimate=estimate))
    assert table["groups"].tolist() == [NUM, 7]
    assert table["caveat"].tolist() == ["", "few"]


def test_in_fewer_than_five_groups_nothing_is_told_apart():
    groups = np.array([f"g{position // 10}" for position in range(NUM)])
    outcomes = [
        replace(one, test=replace(one.test, groups=groups))
        for one in (outcome("large", 0, 900), outcome("small", 20, 100))
    ]
    table = made(*outcomes)
    assert table["standing"].tolist() == ["best", "inconclusive"]
    assert table["difference_low"].isna().tolist() == [False, True]
    assert table.index[table["smallest"]].tolist() == ["large"]


def test_of_equal_figures_the_smaller_is_the_best():
    table = made(outcome("large", 3, 900), outcome("small", 3, 100))
    assert table.index[table["best"]].tolist() == ["small"]


def test_a_metric_of_which_less_is_better_ranks_and_signs_the_other_way():
    less, more = outcome("less", 2, 10), outcome("more", 20, 5)
    less, more = (replace(one, estimate=replace(one.estimate, value=1 - one.estimate.value)) for one in (less, more))
    table = made(more, less, metric=HammingLoss(averaging="macro"), metric_name="hamming_loss")
    assert table.index.tolist() == ["less", "more"]
    assert table["difference"].tolist() == pytest.approx([0, -18 / NUM])  # worse is negative, whatever the metric


def test_a_published_row_is_ranked_and_never_compared():
    table = made(outcome("good", 2, 900), outcome("poor", 20, 10), published=[THEIRS])
    assert table.index.tolist() == ["good", "theirs", "poor"]
    row = table.loc["theirs"]
    assert row["kind"] == "published"
    assert row["note"] == "published, not run here: Nobody 2020, doi:10/x"
    assert row[["low", "high", "n", "difference", "num_bytes"]].isna().all()
    assert not row["smallest"]


def test_a_published_row_with_n_has_wilsons_interval():
    known = Published(name="theirs", value=0.8, source="x", n=10)
    row = made(outcome("good", 2, 900), published=[known]).loc["theirs"]
    # z = 1.96, p = 0.8, n = 10: centre (0.8 + z^2/20) / (1 + z^2/10) = 0.7167, half-width 0.2266
    assert row[["low", "high"]].tolist() == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert row["n"] == 10


def test_n_of_a_metric_that_is_no_share_of_pictures_is_refused():
    known = Published(name="theirs", value=0.8, source="x", n=10)
    with pytest.raises(UserError, match=r"^leaderboard\.published: theirs has n, but only accuracy has Wilson's"):
        made(published=[known], metric_name="f1_macro")


def test_what_failed_stands_at_the_end_with_its_reason():
    table = made(outcome("good", 2, 900), failed={"broken": "train: out of luck"}, published=[THEIRS])
    assert table.index.tolist() == ["good", "theirs", "broken"]
    assert table.loc["broken", ["kind", "note"]].tolist() == ["failed", "train: out of luck"]
    assert pd.isna(table.loc["broken", "value"])


def test_other_test_pictures_labels_or_classes_are_not_compared():
    fewer = outcome("fewer", 0, 1)
    relabelled = outcome("relabelled", 0, 1)
    relabelled = replace(relabelled, test=replace(relabelled.test, targets=relabelled.test.targets[::-1]))
    renamed = outcome("renamed", 0, 1)
    renamed = replace(renamed, test=replace(renamed.test, classes=["a", "c"]))
    fewer = outcome("fewer", 0, 1, test=fewer.test.take(np.arange(1, NUM)))
    table = made(fewer, outcome("one", 2, 9), outcome("two", 3, 9), relabelled, renamed)
    assert table.index.tolist()[:2] == ["one", "two"]
    assert (table.loc[["fewer", "relabelled", "renamed"], "kind"] == "failed").all()
    assert (table.loc["fewer", "note"]) == "evaluated on other test pictures, labels or classes than the other rows"


def test_an_undefined_figure_is_a_failed_row():
    estimate = Estimate(value=None, low=None, high=None, n=NUM, groups=NUM)
    table = made(outcome("good", 2, 900), outcome("undefined", 0, 1, estimate=estimate))
    assert table.loc["undefined", "note"] == "its figure is undefined on the test pictures"


def test_nothing_ran():
    table = made(failed={"a": "x", "b": "y"}, published=[THEIRS])
    assert table["kind"].tolist() == ["published", "failed", "failed"]
    assert not table["best"].any()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.009, 0.1, "as_good"),
        (-0.009, -0.001, "as_good"),  # shown to be worse, and by less than the margin
        (0.0, 0.0, "as_good"),
        (-0.01, 0.1, "inconclusive"),
        (-0.1, 0.0, "inconclusive"),
        (-0.1, -0.001, "behind"),
        (None, None, "inconclusive"),
    ],
)
def test_standings_by_hand(low, high, expected):
    assert rank_outcome(low, high, margin=0.01) == expected
