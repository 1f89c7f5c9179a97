"""A retraining looks at the pictures that were served, too: drift of them is a reason, a figure and an artifact."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow
import pytest
from retraining_world import NOW, World, call, recorded_runs

from pipeline.core.retrain_contracts import DriftReading
from pipeline.retraining import drift_reading, history, steps


class Figures:
    """A report of drift, of which only the figures are looked at."""

    def __init__(self, number: float):
        self.number = number

    def figures(self) -> dict[str, float]:
        return {"drift/num_new": self.number}


@pytest.fixture
def seen(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the measurements were called with: nothing has arrived that drifts, and what was served has drifted."""
    found: dict[str, Any] = {}

    def measure_new(*words: Any) -> tuple[DriftReading, None]:
        found["share"] = words[-1]
        return DriftReading(state="not_shown", sentence="Nothing new."), None

    def find_served(params: Any, before: Any, store: str, since: datetime) -> Any:
        found.update(store=store, since=since)
        return found.get("obstacle") or ("reference", "new")

    def measure_served(params: Any, reference: str, new: str, write: bool) -> tuple[Any, Any]:
        assert (reference, new) == ("reference", "new")
        for path in (drift_reading.SERVED, drift_reading.SERVED_PAGE) if write else ():
            path.parent.mkdir(exist_ok=True)
            path.write_text("{}")
        return DriftReading(state="drifted", sentence="Brightness is 2 SD up."), Figures(40.0)

    monkeypatch.setattr(drift_reading, "find_served", find_served)
    monkeypatch.setattr(drift_reading, "measure_new", measure_new)
    monkeypatch.setattr(drift_reading, "measure_served", measure_served)
    return found


def test_drift_of_what_was_served_is_a_reason_with_its_evidence(
    world: World, seen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call() == 0
    world.add(*(f"new{number}" for number in range(12)))
    monkeypatch.setattr(steps, "find_store", lambda name: f"sqlite:///{name}.db")
    assert call(1) == 0
    assert (seen["store"], seen["share"]) == ("sqlite:///project.db", 0.5)
    assert (NOW - seen["since"]).days == 5
    result = json.loads(history.LAST.read_text())
    assert result["data"]["served"] == {"state": "drifted", "sentence": "Brightness is 2 SD up."}
    said = result["decision"]["rules"]["drift"]
    assert (said["says"], said["sentence"]) == (
        "retrain", "The pictures that were served have drifted: Brightness is 2 SD up."
    )  # fmt: skip
    run = next(one for one in recorded_runs() if "served_drift/num_new" in one.data.metrics)
    assert run.data.metrics["served_drift/num_new"] == 40.0
    names = {Path(one.path).name for one in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {"monitoring_served.json", "monitoring_served.html"} <= names


def test_without_a_server_the_question_of_what_arrived_has_all_of_alpha(world: World, seen: dict[str, Any]) -> None:
    assert call() == 0
    assert seen == {"share": 1.0}
    assert "served" not in json.loads(history.LAST.read_text())["data"]


def test_a_server_without_answers_takes_no_alpha_and_is_said(
    world: World, seen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen["obstacle"] = DriftReading(state="cannot_be_judged", sentence="No answer.")
    monkeypatch.setattr(steps, "find_store", lambda name: f"sqlite:///{name}.db")
    assert call() == 0
    assert seen["share"] == 1.0
    found = json.loads(history.LAST.read_text())["data"]
    assert found["served"] == {"state": "cannot_be_judged", "sentence": "No answer."}
    assert "served_figures" not in found
