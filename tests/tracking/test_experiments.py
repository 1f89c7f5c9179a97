"""An experiment per data set: found again, described, shown as a list of trainings."""

import json
import re

import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.tracking import experiments
from pipeline.tracking.connection import COMMON, DATASET
from pipeline.tracking.experiments import COLUMNS, NOTE, VIEW_TAG, dataset_of, open_experiment, runs_page

pytestmark = pytest.mark.xdist_group("tracking")


def test_the_experiment_of_a_data_set_is_made_once_and_described(store, client):
    number = open_experiment(client, "wasps")
    assert open_experiment(client, "wasps") == number
    found = client.get_experiment(number)
    assert (found.name, found.tags[DATASET]) == ("colibri-wasps", "wasps")
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "`wasps`" in found.tags[NOTE]


def test_its_view_shows_what_people_compare_by(store, client):
    view = json.loads(client.get_experiment(open_experiment(client, "wasps")).tags[VIEW_TAG])
    assert (view["name"], view["createdAt"]) == ("Colibri", 0)
    state = json.loads(view["state"])
    assert state["selectedColumns"] == list(COLUMNS)
    assert set(state["columnWidths"]) <= set(state["columnOrder"])
    assert all(re.fullmatch(r"(metrics|params|tags)\.`[\w/]+`", name) for name in COLUMNS)


def test_a_view_of_another_version_is_replaced_and_a_description_kept(store, client):
    number = open_experiment(client, "wasps of before")
    client.set_experiment_tag(number, VIEW_TAG, "an earlier one")
    client.set_experiment_tag(number, NOTE, "by hand")
    open_experiment(client, "wasps of before")
    tags = client.get_experiment(number).tags
    assert (tags[VIEW_TAG], tags[NOTE]) == (experiments._view(), "by hand")


def test_one_that_somebody_deleted_is_named_with_what_to_do(store, client):
    number = open_experiment(client, "gone wasps")
    client.delete_experiment(number)
    with pytest.raises(
        UserError, match=rf"^experiment colibri-gone wasps was deleted in MLflow; .* restore -x {number}, or"
    ):
        open_experiment(client, "gone wasps")


def test_the_page_of_the_runs(store, client, project):
    number = open_experiment(client, "wasps")
    page = f"/#/experiments/{number}/runs?workflowType=machine_learning&viewStateShareKey=colibri"
    assert runs_page("wasps") == page
    artifacts.write_text(project / "params.yaml", "source: {name: wasps}")
    assert runs_page() == page
    old = client.get_experiment_by_name(COMMON)  # as long as there are only runs of before
    assert runs_page("no runs yet").startswith(f"/#/experiments/{old.experiment_id}/runs?workflowType=machine_learning")


def test_the_page_without_a_store_is_the_list_and_no_store_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert runs_page("wasps") == "/#/experiments?workflowType=machine_learning"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert runs_page("wasps") == "/#/experiments?workflowType=machine_learning"


def test_the_data_set_of_parameters():
    assert dataset_of({"source": {"name": "wasps"}}) == "wasps"
    assert dataset_of({"source": {}}) is dataset_of({}) is None
