"""The figures of the last run, in a few lines."""

from dataclasses import replace

import pytest

from pipeline.commands import summary
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate, write_estimates
from pipeline.core.results import StoredFinding


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


def test_every_line():
    metrics = {"accuracy": entry(0.9, 0.85, 0.951), "f1/bee": entry(0.2), "auroc_macro": entry(0.98765)}
    assert summary.lines(metrics, CHECKS, REGISTRATION) == [
        "",
        "On 40 test pictures (95 % interval over groups):",
        "  accuracy             0.900  [0.850, 0.951]",
        "  auroc_macro          0.988",
        "Checks: 1 passed, 1 warned",
        "  class_imbalance: 12.35 largest / smallest, at most 10 accepted, first bee: 3",
        f"Model: colibri-digits version 3, challenger and champion ({REGISTRATION['reasons'][0]})",
        "Test:   3 versions were evaluated on these pictures; choosing a version by them makes its figures too good",
        "Report: reports/report.html",
        "Runs:   make ui, then open http://127.0.0.1:5000",
    ]


FEW = "it rests on 7 independent groups only"


def test_a_caveat_that_all_figures_share_stands_once_below_them():
    metrics = {"accuracy": entry(0.9, 0.8, 0.95, caveat=FEW), "f1_macro": entry(0.8, 0.6, 0.9, caveat=FEW)}
    lines = summary.lines(metrics, {}, REGISTRATION)
    assert lines[3:6] == ["  f1_macro             0.800  [0.600, 0.900]", f"  {FEW}", "Checks: 0 passed, 0 warned"]


def test_different_caveats_name_their_figure():
    other = "no interval: it rests on 2 independent groups, fewer than 5"
    metrics = {"accuracy": entry(0.9, 0.8, 0.95, caveat=FEW), "f1_macro": entry(0.8, caveat=other)}
    lines = summary.lines(metrics, {}, REGISTRATION)
    assert lines[4:6] == [f"  accuracy: {FEW}", f"  f1_macro: {other}"]


def test_what_is_beyond_the_properties_and_the_figures_over_all_groups():
    beyond = entry(0.1, 0.05, 0.15)
    metrics = {
        "accuracy": entry(0.9),
        "baseline_margin": replace(beyond, low=-0.1),
        "cross/accuracy": entry(0.85, 0.8, 0.9, n=900),
        "cross/baseline_margin": beyond,
    }
    lines = summary.lines(metrics, {}, REGISTRATION)
    above = "  Its balanced accuracy is 10.0 points above what the properties alone reach on the same pictures, between"
    assert lines[2:7] == [
        "  accuracy             0.900",
        f"{above} -10.0 and +15.0: this does not show more than these",
        "Frozen features with a linear classifier, out of fold, over the groups of all splits:",
        "  accuracy             0.850  [0.800, 0.900]",
        f"{above} +5.0 and +15.0: it shows more than these",
    ]


def test_what_is_undefined_or_not_chosen_is_left_out():
    lines = summary.lines({"f1_macro": entry(None)}, {}, REGISTRATION)
    assert lines[1].startswith("On ? test pictures")
    assert lines[2] == "Checks: 0 passed, 0 warned"


def test_a_warning_without_offenders():
    failed = {"one": StoredFinding.from_json(THINGS)}
    assert "  one: 2 things, at most 1 accepted" in summary.lines({}, failed, REGISTRATION)


def test_a_figure_that_is_undefined():
    failed = {"one": StoredFinding.from_json({**THINGS, "value": None})}
    assert "  one: undefined things, at most 1 accepted" in summary.lines({}, failed, REGISTRATION)


def test_what_cannot_be_judged_is_counted_and_said():
    blind = {**THINGS, "state": "cannot_be_judged", "obstacle": "Test has one group."}
    lines = summary.lines({}, {**CHECKS, "drift": StoredFinding.from_json(blind)}, REGISTRATION)
    assert "Checks: 1 passed, 1 warned, 1 cannot be judged" in lines
    assert "  drift cannot be judged: Test has one group." in lines


def test_main_reads_the_reports(project, capsys):
    write_estimates(artifacts.METRICS, {"accuracy": entry(0.6)})  # of val, to choose by: not shown
    write_estimates(artifacts.TEST_METRICS, {"accuracy": entry(0.5)})
    artifacts.write_json(artifacts.CHECKS, ENTRIES)
    artifacts.write_json(artifacts.CURATION, {"outliers": {**ENTRIES["split_leakage"], "passed": True}})
    artifacts.write_json(artifacts.REGISTRATION, {**REGISTRATION, "aliases": ["challenger"]})
    summary.main()
    shown = capsys.readouterr().out
    assert "  accuracy             0.500\n" in shown
    assert "Checks: 2 passed, 1 warned\n" in shown
    assert "version 3, challenger (gain" in shown


def test_before_the_first_run(project):
    with pytest.raises(UserError, match=r"^reports/test_metrics\.json does not exist; run dvc repro, which makes it$"):
        summary.main()


def test_corrected_data_are_compared_with_the_version_before():
    gain = {"value": 0.05, "low": 0.01, "high": 0.1, "n": 40, "groups": 40}
    metrics = {
        "accuracy": {"told": 0.9, "before": 0.8, "after": 0.85, "gain": gain},
        "f1_macro": {"told": 0.9, "before": 0.8, "after": 0.75, "gain": {**gain, "value": -0.05, "low": None}},
        "auroc_macro": {"told": None, "before": None, "after": None, "gain": {**gain, "value": None}},
        "recall_macro": {"told": 0.9, "before": 0.8, "after": 0.85, "gain": gain},
    }
    earlier = {"version": "2", "n": 40, "num_relabelled": 3, "metrics": metrics}
    first, *figures = summary.lines({}, {}, {**REGISTRATION, "earlier_data": earlier})[3:6]
    where = "on the 40 test pictures of both, by the labels of today (3 corrected)"
    assert first == f"Against version 2 of the earlier data, {where}; more in reports/comparison.html:"
    assert figures == [
        "  accuracy             0.800 -> 0.850, better by +0.050  [+0.010, +0.100]",
        "  f1_macro             0.800 -> 0.750, better by -0.050",
    ]


def test_what_cannot_be_compared_is_said():
    earlier = {"version": "2", "reason": "it knows other classes"}
    lines = summary.lines({}, {}, {**REGISTRATION, "earlier_data": earlier})
    assert lines[3] == "Not compared with version 2 of the earlier data: it knows other classes"


@pytest.mark.parametrize("found", [True, None])
def test_a_version_that_is_there_or_cannot_be_asked_for_needs_no_line(monkeypatch, found):
    monkeypatch.setattr(summary.registry, "is_registered", lambda name, version: found)
    assert summary.missing(REGISTRATION) == []


def test_a_store_without_the_version_is_told_with_the_command_that_heals_it(monkeypatch, project):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    healed = "dvc repro -f -s register registers it again"
    store = f"sqlite:///{project}/mlflow.db"
    assert summary.missing(REGISTRATION) == [
        f"MLflow's store {store} has no version 3 of colibri-digits; {healed}",
    ]
    assert not (project / "mlflow.db").exists()
