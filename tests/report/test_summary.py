"""A run in a few lines: figures, checks, model, time, and where to look."""

from dataclasses import replace

import pytest

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate
from pipeline.core.results import StoredFinding
from pipeline.report.summary import describe_test, stopped_lines, summary_lines


def entry(value, low=None, high=None, n=40, caveat=""):
    return Estimate(value=value, low=low, high=high, n=n, groups=40, caveat=caveat)


REGISTRATION = {
    "model": "colibri-digits",
    "version": "3",
    "aliases": ["challenger", "champion"],
    "reasons": ["gain +0.0100 [+0.0020, +0.0180] on 400 common test samples of 40 groups: its lower end is above 0.0"],
    "test_set_uses": 3,
}
ENTRIES = {
    "split_leakage": {"value": 0, "limit": 0, "unit": "samples", "worst": {}, "passed": True},
    "class_imbalance": {
        "value": 12.34567,
        "limit": 10.0,
        "unit": "largest / smallest",
        "worst": {"bee": 3, "ant": 5},
        "passed": False,
    },
}
THINGS = {"value": 2, "limit": 1, "unit": "things", "worst": {}, "passed": False}
CHECKS = {name: StoredFinding.from_json(entry) for name, entry in ENTRIES.items()}


TEST = ["warning: 26 results were read from these test pictures", "report its figures on new test pictures"]
MORE = "more in reports/checks.html and reports/curation.html"
NO_CHECKS = f"Checks: 0 passed; {MORE}"


def test_every_line():
    metrics = {"accuracy": entry(0.9, 0.85, 0.951), "recall/bee": entry(0.2), "auroc_macro": entry(0.98765)}
    seconds = {"ingest": 25.9, "train": 278.0}
    assert summary_lines("digits", metrics, CHECKS, REGISTRATION, TEST, seconds) == [
        "",
        "On 40 test pictures of digits (95 % interval over groups):",
        "  accuracy             0.900  [0.850, 0.951]",
        "  auroc_macro          0.988",
        "  recall               bee 0.200",
        f"Checks: 1 passed, 1 warned; {MORE}",
        "  class_imbalance: 12.35 largest / smallest, at most 10 accepted",
        f"Model:  colibri-digits version 3, challenger and champion ({REGISTRATION['reasons'][0]})",
        "Test:   warning: 26 results were read from these test pictures",
        "        report its figures on new test pictures",
        "Time:   5 min 04 s for 2 stages, each as it last ran; the longest is train, 4 min 38 s",
        "Report: reports/report.html",
        "Next:   colibri report opens the pages, colibri ui all runs and models",
    ]


def test_of_many_classes_the_lowest_are_named():
    metrics = {f"recall/c{number}": entry(number / 10) for number in range(9)} | {"recall/none": entry(None)}
    line = summary_lines("", metrics, {}, REGISTRATION, TEST, {})[2]
    assert line == "  lowest of 9 recalls  c0 0.000, c1 0.100, c2 0.200, c3 0.300, c4 0.400, c5 0.500"


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({"accuracy": entry(0.8, 0.7, 0.9)}, "accuracy 0.800 [0.700, 0.900] on 40 test pictures"),
        ({"f1_micro": entry(0.8), "accuracy": entry(None)}, "f1 micro 0.800 on 40 test pictures"),
        ({}, "40 test pictures"),
    ],
)
def test_the_fact_of_evaluate(metrics, text):
    assert describe_test(metrics, 40) == text


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.015, 0.011, "no change shown"),
        (-0.02, -0.01, "worse"),
        (0.01, 0.02, "better"),
        (0.0, 0.02, "no change shown"),
    ],
)
def test_a_gain_says_what_its_interval_shows(low, high, verdict):
    gain = {"value": -0.001, "low": low, "high": high, "n": 40, "groups": 40}
    metrics = {"accuracy": {"by_earlier_labels": None, "before": 0.8, "after": 0.799, "gain": gain}}
    earlier = {"version": "2", "n": 40, "num_relabelled": 0, "metrics": metrics}
    line = summary_lines("", {}, {}, {**REGISTRATION, "earlier_data": earlier}, TEST, {})[4]
    assert line == f"  accuracy             0.800 -> 0.799, -0.001 [{low:+.3f}, {high:+.3f}]: {verdict}"


def test_which_check_stopped_the_run(project):
    assert stopped_lines() == []
    artifacts.write_json(artifacts.CHECKS, ENTRIES)  # a warning stops nothing
    stopping = {**THINGS, "sentence": "Brightness separates cat from dog.", "advice": "Vary it; or not."}
    artifacts.write_json(artifacts.CURATION, {"drift": {**stopping, "on_fail": "error"}})
    assert stopped_lines() == [
        "curate: stopped by drift: Brightness separates cat from dog (2, at most 1 accepted)",
        "  -> Vary it: reports/curation.html#drift",
        "  Then run again. Or train all the same:",
        "  colibri run curate.drift.on_fail=warn",
    ]


FEW = "it rests on 7 independent groups only"


def test_a_caveat_that_all_figures_share_stands_once_below_them():
    metrics = {"accuracy": entry(0.9, 0.8, 0.95, caveat=FEW), "f1_macro": entry(0.8, 0.6, 0.9, caveat=FEW)}
    lines = summary_lines("", metrics, {}, REGISTRATION, TEST, {})
    assert lines[3:6] == ["  f1_macro             0.800  [0.600, 0.900]", f"  {FEW}", NO_CHECKS]


def test_different_caveats_name_their_figure():
    other = "no interval: it rests on 2 independent groups, fewer than 5"
    metrics = {"accuracy": entry(0.9, 0.8, 0.95, caveat=FEW), "f1_macro": entry(0.8, caveat=other)}
    lines = summary_lines("", metrics, {}, REGISTRATION, TEST, {})
    assert lines[4:6] == [f"  accuracy: {FEW}", f"  f1_macro: {other}"]


def test_what_is_beyond_the_properties_and_the_figures_over_all_groups():
    beyond = entry(0.1, 0.05, 0.15)
    metrics = {
        "accuracy": entry(0.9),
        "baseline_margin": replace(beyond, low=-0.1),
        "cross/accuracy": entry(0.85, 0.8, 0.9, n=900),
        "cross/baseline_margin": beyond,
    }
    lines = summary_lines("", metrics, {}, REGISTRATION, TEST, {})
    above = "  Its balanced accuracy is 10.0 points above what the properties alone reach on the same pictures, between"
    assert lines[2:7] == [
        "  accuracy             0.900",
        f"{above} -10.0 and +15.0: it is not shown to use more than these properties",
        "Frozen features with a linear classifier, out of fold, over the groups of all splits:",
        "  accuracy             0.850  [0.800, 0.900]",
        f"{above} +5.0 and +15.0: the model uses more than these properties",
    ]


def test_what_is_undefined_or_not_chosen_is_left_out():
    lines = summary_lines("", {"f1_macro": entry(None)}, {}, REGISTRATION, TEST, {})
    assert lines[1].startswith("On ? test pictures")
    assert lines[2] == NO_CHECKS


def test_a_warning_without_offenders():
    failed = {"one": StoredFinding.from_json(THINGS)}
    assert "  one: 2 things, at most 1 accepted" in summary_lines("", {}, failed, REGISTRATION, TEST, {})


def test_a_figure_that_is_undefined():
    failed = {"one": StoredFinding.from_json({**THINGS, "value": None})}
    assert "  one: undefined things, at most 1 accepted" in summary_lines("", {}, failed, REGISTRATION, TEST, {})


def test_what_cannot_be_judged_is_counted_and_said():
    blind = {**THINGS, "state": "cannot_be_judged", "obstacle": "Test has one group."}
    lines = summary_lines("", {}, {**CHECKS, "drift": StoredFinding.from_json(blind)}, REGISTRATION, TEST, {})
    assert f"Checks: 1 passed, 1 warned, 1 cannot be judged; {MORE}" in lines
    assert "  drift cannot be judged: Test has one group" in lines


def test_corrected_data_are_compared_with_the_version_before():
    gain = {"value": 0.05, "low": 0.01, "high": 0.1, "n": 40, "groups": 40}
    metrics = {
        "accuracy": {"told": 0.9, "before": 0.8, "after": 0.85, "gain": gain},
        "f1_macro": {"told": 0.9, "before": 0.8, "after": 0.75, "gain": {**gain, "value": -0.05, "low": None}},
        "auroc_macro": {"told": None, "before": None, "after": None, "gain": {**gain, "value": None}},
        "recall_macro": {"told": 0.9, "before": 0.8, "after": 0.85, "gain": gain},
    }
    earlier = {"version": "2", "n": 40, "num_relabelled": 3, "metrics": metrics}
    first, *figures = summary_lines("", {}, {}, {**REGISTRATION, "earlier_data": earlier}, TEST, {})[3:6]
    where = "on the 40 test pictures of both, by the current labels (3 corrected)"
    assert first == f"Against version 2 of the earlier data, {where}; more in reports/comparison.html:"
    assert figures == [
        "  accuracy             0.800 -> 0.850, +0.050 [+0.010, +0.100]: better",
        "  f1_macro             0.800 -> 0.750, -0.050, without an interval",
    ]


def test_what_cannot_be_compared_is_said():
    earlier = {"version": "2", "reason": "it knows other classes"}
    lines = summary_lines("", {}, {}, {**REGISTRATION, "earlier_data": earlier}, TEST, {})
    assert lines[3] == "Not compared with version 2 of the earlier data: it knows other classes"
