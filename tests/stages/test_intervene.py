"""The stage tests what the check suspected, and ends at once where there is nothing to test."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from content_examples import chosen

from benchmarks import interventions as simulation
from pipeline.core import artifacts
from pipeline.datasets.packed import PackedDataset
from pipeline.stages import intervene
from pipeline.training import model_card


def write(project, table, *overrides, finding=True):
    params = chosen("source=folder", "source.path=x", "source.name=pets", *overrides)
    params["intervene"] |= {"max_renders": 60, "num_resamples": 100, "num_examples": 1}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    stored = {"value": 0.9, "limit": 0.65, "unit": "", "worst": {}, "passed": False, "table": table}
    artifacts.write_json(artifacts.CHECKS, {"shortcut": stored} if finding else {})


def row(name, p=0.002, accuracy=0.9):
    return {"property": name, "label": "b", "balanced_accuracy": accuracy, "p": p}


def read():
    return json.loads(artifacts.INTERVENTIONS.read_text())


@pytest.fixture
def trained(monkeypatch):
    """Packed pictures, and a model that follows their brightness."""
    packed = simulation.simulate(60, 60, 0)
    monkeypatch.setattr(PackedDataset, "load", classmethod(lambda cls: packed))
    monkeypatch.setattr(model_card, "load_predictor", lambda folder: (simulation.LinearModel(2.0), {}))


def test_what_was_suspected_is_tested(project, trained):
    write(project, [row("num_bytes"), row("brightness"), row("contrast", p=0.5)])
    assert intervene.main() == ["1 cannot be judged, 1 follows"]
    found = read()
    assert found["note"] == "The check shortcut suspects 2 properties."
    assert [(one["property"], one["intervention"], one["state"]) for one in found["results"]] == [
        ("num_bytes", "", "cannot_be_judged"),
        ("brightness", "exposure", "follows"),
    ]
    table = pd.read_csv(artifacts.INTERVENTIONS_TABLE)
    assert table["property"].tolist() == ["num_bytes"] + ["brightness"] * 6
    assert np.load(artifacts.INTERVENTION_PICTURES).shape == (1, 3, 16, 16, 1)
    before = [path.read_bytes() for path in (artifacts.INTERVENTIONS, artifacts.INTERVENTION_PICTURES)]
    intervene.main()
    assert [path.read_bytes() for path in (artifacts.INTERVENTIONS, artifacts.INTERVENTION_PICTURES)] == before


def test_properties_beyond_the_limit_are_named_as_not_tested(project, trained):
    write(project, [row("brightness"), row("contrast")], "intervene.max_properties=1")
    assert intervene.main() == ["1 follows"]
    assert read()["note"] == (
        "The check shortcut suspects 2 properties; only the best predictors are tested (intervene.max_properties=1), "
        "not contrast."
    )
    assert [one["property"] for one in read()["results"]] == ["brightness"]


@pytest.mark.parametrize(
    ("table", "overrides", "finding", "note"),
    [
        ([row("brightness", accuracy=0.6)], [], True, intervene.NO_SUSPICION),
        ([row("brightness")], ["intervention=[]"], True, intervene.SWITCHED_OFF),
        ([row("brightness")], ["check.shortcut=null"], True, intervene.NO_CHECK),
        ([], [], False, intervene.NO_CHECK),
    ],
)
def test_nothing_to_test(project, table, overrides, finding, note):
    """No model is loaded: there is none."""
    write(project, table, *overrides, finding=finding)
    assert intervene.main() == [note.rstrip(".")]
    assert read() == {"note": note, "results": []}
    assert len(np.load(artifacts.INTERVENTION_PICTURES)) == 0
    assert artifacts.INTERVENTIONS_TABLE.read_text().count("\n") == 1
