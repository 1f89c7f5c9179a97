"""The page of a leaderboard says first what was found, and loads nothing."""

from dataclasses import replace

import pytest
from board_examples import outcome
from report_material import NASTY, Page

from pipeline.core.estimate import Estimate
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.log_loss import LogLoss
from pipeline.experiments.listing import Published
from pipeline.experiments.table import make_board
from pipeline.report.formatting import DASH, file_size, format_signed
from pipeline.report.leaderboard import duration, leaderboard_page, rate, state
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=400, seed=0)
THEIRS = [Published(name="theirs", value=0.8, source="Nobody 2020")]


def shown(*outcomes, failed=None, margin=0.01):
    table = make_board("accuracy", Accuracy(), outcomes, failed or {}, THEIRS, margin, BOOTSTRAP)
    page = Page(leaderboard_page("mine", table, "a slow machine", margin))
    assert page.open == []
    return page.text


LARGE, SMALL, POOR = outcome("large", 2, 9_000_000), outcome("small", 4, 120_000), outcome("poor", 20, 10)


def test_a_smaller_model_that_is_as_good_as_the_best_leads():
    text = shown(LARGE, SMALL, POOR, margin=0.13).replace("\u00a0", " ")
    assert "small is the smallest model that is as good as the best." in text
    assert "The best model run here is large: 95.0" in text
    assert "on 40 test pictures, size 9" in text
    assert "small has 120 kB and differs from it by -5.0" in text
    assert ": less than 13 points below it." in text
    assert "as good as the best if the whole 95 % interval of its difference is less than 13 points below 0" in text
    assert "smallsmallest that is as good as the best" in text
    assert "a slow machine" in text
    assert "published, not run here: Nobody 2020" in text


def test_where_no_smaller_one_is_shown_to_be_as_good_the_best_leads():
    text = shown(LARGE, SMALL, POOR).replace("\u00a0", " ")
    assert "The best model is also the smallest that is as good: large." in text
    assert "For no smaller model do the test pictures show that it is less than 1 point below it." in text
    assert text.count("inconclusive") == 3  # the row of small, the key, and the words on how to read it
    assert "reaches the best" not in text


def test_each_row_says_where_it_stands():
    made = make_board("accuracy", Accuracy(), [LARGE, SMALL, POOR], {"broken": "x"}, THEIRS, 0.01, BOOTSTRAP)
    found = {one["name"]: state(one) for one in made.to_dict("records")}
    assert found == {
        "large": "best", "small": "inconclusive", "theirs": "published", "poor": "behind", "broken": "failed"
    }  # fmt: skip


def test_the_caveat_of_the_best_is_shown():
    estimate = Estimate(value=0.95, low=0.8, high=1.0, n=40, groups=7, caveat="it rests on <b>7</b> groups")
    assert "About these figures: it rests on <b>7</b> groups." in shown(
        outcome("large", 2, 900, estimate=estimate), POOR
    )
    assert "About these figures" not in shown(LARGE, POOR)


def test_the_best_may_be_the_smallest_itself():
    text = shown(outcome("large", 0, 900), outcome("small", 20, 100))
    assert "The best model is also the smallest that is as good: large." in text


def test_what_failed_has_its_reason():
    text = shown(outcome("large", 0, 900), failed={"broken": "train: out of luck"})
    assert "1 experiment failed and is at the end of the table with the reason" in text
    assert "failed train: out of luck" in text


def test_nothing_ran():
    assert "No experiment of this list has a result." in shown(failed={"broken": "x"})


@pytest.mark.parametrize("name", NASTY)
def test_a_name_cannot_break_the_page(name):
    page = Page(
        leaderboard_page(
            name, make_board("accuracy", Accuracy(), [], {name: name}, THEIRS, 0.01, BOOTSTRAP), name, 0.01
        )
    )
    assert page.open == []


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, DASH), (0.5, "0.5 s"), (42.4, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations(seconds, expected):
    assert duration(seconds).replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("num_bytes", "expected"), [(None, DASH), (999, "999 B"), (28_521, "28.5 kB"), (13_512_345, "13.5 MB")]
)
def test_sizes(num_bytes, expected):
    assert file_size(num_bytes).replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(-0.012, "-1.2"), (0.004, "+0.4"), (-0.0001, "0.0"), (0.0, "0.0"), (-0.1004, "-10.0")]
)
def test_points_have_a_sign_and_nothing_has_none(value, expected):
    assert format_signed(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(None, DASH), (3892.7, "3,890"), (47.31, "47.3"), (0.512, "0.5")])
def test_rates(value, expected):
    assert rate(value) == expected


def test_where_lower_is_better_the_words_say_so_and_a_number_is_not_in_percent():
    """Each outcome of the example scores 0 or 1 exactly; the log loss ranks as the accuracy does, upside down."""
    metric = LogLoss(averaging="multiclass")
    outcomes = [
        replace(one, estimate=Estimate(value=value, low=value / 2, high=2 * value, n=40, groups=40))
        for one, value in ((LARGE, 0.8), (SMALL, 1.6), (POOR, 8.0))
    ]
    table = make_board("log_loss", metric, outcomes, {}, [], 0.5, BOOTSTRAP)
    assert table["name"].tolist() == ["large", "small", "poor"]
    assert table.loc[table["best"], "name"].tolist() == ["large"]
    assert (table["difference"] <= 0).all()
    assert table["standing"].tolist()[2] == "behind"
    text = Page(leaderboard_page("mine", table, "a slow machine", 0.5, lower_is_better=True)).text
    assert "It has 0.800 log loss (0.400 to 1.600)" in text
    assert "that it is less than 0.5 worse than it." in text
    assert "Lower is better, so a difference is how much lower" in text
    assert "80.0" not in text
