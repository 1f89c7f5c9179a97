"""The comparison of label efficiency in MLflow: one parent, a run for each kind, steps that are numbers of labels."""

import pytest

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate
from pipeline.tracking import comparison_runs
from pipeline.tracking.comparison_runs import label_efficiency_run
from pipeline.tracking.connection import PARENT

pytestmark = pytest.mark.xdist_group("tracking")


def test_runs_that_a_killed_process_left_are_completed(store, client, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    params = {"source": {"name": "stripes"}, "train": {"epochs": 2}}
    curves = {"pretrained": {20: {"accuracy": 0.6}}}
    with monkeypatch.context() as patch:
        patch.setattr(comparison_runs, "log_params", die)
        with pytest.raises(KeyboardInterrupt):
            label_efficiency_run("labels-3", params, curves, {}, [])
    parent = label_efficiency_run("labels-3", params, curves, {}, [])
    run = client.get_run(parent)
    assert run.data.params
    (below,) = client.search_runs([run.info.experiment_id], f"tags.`{PARENT}` = '{parent}'")
    assert below.data.metrics == {"labels/accuracy": 0.6}
    assert below.data.params == run.data.params


def test_kinds_stand_under_one_parent_that_is_found_again(store, client, tmp_path):
    page = tmp_path / "label_efficiency.html"
    artifacts.write_text(page, "first")
    curves = {
        "initial weights": {20: {"accuracy": 0.5}, 200: {"accuracy": 0.7}},
        "pretrained": {20: {"accuracy": 0.6}, 200: {"accuracy": 0.9}},
    }
    gains = {"pretrained_minus_initial": {"accuracy_10": Estimate(value=0.1, low=0.05, high=0.15, n=100, groups=20)}}
    params = {"source": {"name": "stripes"}, "train": {"epochs": 2}}
    parent = label_efficiency_run("labels-1", params, curves, gains, [page])
    run = client.get_run(parent)
    assert run.info.run_name == "label efficiency · stripes · labels"
    assert run.data.metrics["pretrained_minus_initial/accuracy_10"] == 0.1
    assert [one.path for one in client.list_artifacts(parent)] == ["evaluation", "label_efficiency.html"]

    def below():
        found = client.search_runs([run.info.experiment_id], f"tags.`{PARENT}` = '{parent}'")
        return {one.info.run_name: one for one in found}

    assert set(below()) == set(curves)
    history = client.get_metric_history(below()["pretrained"].info.run_id, "labels/accuracy")
    assert [(one.step, one.value) for one in history] == [(20, 0.6), (200, 0.9)]
    assert label_efficiency_run("labels-1", params, curves, gains, [page]) == parent
    assert len(client.get_metric_history(below()["pretrained"].info.run_id, "labels/accuracy")) == 2
    assert label_efficiency_run("labels-2", params, curves, gains, []) != parent
