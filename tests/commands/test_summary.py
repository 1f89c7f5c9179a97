"""What `colibri summary` prints about the last run, or where there is none."""

import pytest

from pipeline.commands import summary
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate, write_estimates


def entry(value):
    return Estimate(value=value, low=None, high=None, n=40, groups=40)


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


@pytest.fixture(autouse=True)
def own_store(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def test_main_reads_the_reports(project, capsys):
    (project / "dvc.yaml").touch()
    write_estimates(artifacts.METRICS, {"accuracy": entry(0.6)})  # of val, to choose by: not shown
    write_estimates(artifacts.TEST_METRICS, {"accuracy": entry(0.5)})
    artifacts.write_json(artifacts.CHECKS, ENTRIES)
    artifacts.write_json(artifacts.CURATION, {"outliers": {**ENTRIES["split_leakage"], "passed": True}})
    artifacts.write_json(artifacts.REGISTRATION, {**REGISTRATION, "aliases": ["challenger"]})
    summary.main()
    shown = capsys.readouterr().out
    assert "  accuracy             0.500\n" in shown
    assert "Checks: 2 passed, 1 warned; " in shown
    assert "version 3, challenger (gain" in shown
    assert "has no version 3 of colibri-digits" in shown
    stopping = {**ENTRIES["class_imbalance"], "on_fail": "error"}
    artifacts.write_json(artifacts.CURATION, {"outliers": stopping})
    summary.main()
    shown = capsys.readouterr().out
    assert "The figures above are of an earlier run. The last one ended early:\ncurate: stopped by outliers" in shown


@pytest.mark.parametrize(
    ("aliases", "before", "now", "says"),
    [
        (["challenger"], "1", "3", True),
        (["challenger"], "1", "1", False),
        (["challenger", "champion"], "1", "3", False),
        (["challenger", "champion"], "1", "2", True),
        (["challenger"], None, None, False),
    ],
)
def test_a_promotion_since_the_run_is_named(monkeypatch, aliases, before, now, says):
    monkeypatch.setattr(summary.registry, "peek_champion", lambda name: now)
    lines = summary.promoted_since({**REGISTRATION, "aliases": aliases, "champion_before": before})
    assert lines == ([f"Champion now: version {now}, by colibri promote or in MLflow since this run"] if says else [])


def test_outside_a_project(project):
    with pytest.raises(UserError, match=r"is no project \(dvc\.yaml is missing\); run this in the project's folder$"):
        summary.main()


def test_before_the_first_run(project):
    (project / "dvc.yaml").touch()
    with pytest.raises(UserError, match=r"^no run has come to its end here; colibri run runs the pipeline, and prints"):
        summary.main()


def test_when_a_check_stopped_the_first_run(project):
    (project / "dvc.yaml").touch()
    artifacts.write_json(artifacts.CHECKS, {"class_imbalance": {**ENTRIES["class_imbalance"], "on_fail": "error"}})
    with pytest.raises(UserError, match=r"^check: stopped by class_imbalance: 12\.35 largest") as caught:
        summary.main()
    assert caught.value.details[0] == "  -> Look at it: reports/checks.html#class_imbalance"


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
