"""Which model a person means."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from trained_model import make_pictures

from pipeline.core.errors import UserError
from pipeline.tracking import registry, runs
from pipeline.tracking.model_choice import find_version, load_classifier

pytestmark = [
    pytest.mark.xdist_group("tracking"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own use of pandas
]
NAME = "colibri-chosen"


@pytest.fixture
def versions(client, predictor_folder, pictures, encode, project, monkeypatch):
    """Versions 1 (champion) and 2 (challenger) of the project's model, registered once per test process."""
    monkeypatch.setattr(sys, "path", sys.path)
    (project / "params.yaml").write_text(yaml.safe_dump({"register": {"model_name": NAME}}))
    for key, alias in (("chosen 1", "champion"), ("chosen 2", "challenger")):
        if registry.find_version(NAME, key) is None:
            run_id, _ = runs.completed_run(key, key, {"a": 1}, pd.DataFrame(), {})
            version = registry.create_version(NAME, run_id, key, predictor_folder, encode(pictures[0]), {})
            registry.set_alias(NAME, alias, version)
    return project


@pytest.mark.parametrize(
    ("model", "version"),
    [
        (None, "1"),
        ("1", "1"),
        ("2", "2"),
        ("@challenger", "2"),
        (f"{NAME}@champion", "1"),
        (f"{NAME}/2", "2"),
        (f"models:/{NAME}/1", "1"),
        (f"models:/{NAME}@challenger", "2"),
    ],
)
def test_a_version(versions, model, version):
    found = find_version(model)
    assert found.uri == f"models:/{NAME}/{version}"
    assert str(found) == f"{NAME} version {version} ({'champion' if version == '1' else 'challenger'})"


def test_a_version_classifies_as_the_predictor(versions, predictor, encode):
    classifier, title = load_classifier()
    assert title == f"{NAME} version 1 (champion)"
    pictures = make_pictures(4)
    scores = classifier.classify([classifier.read(encode(one)) for one in pictures]).scores
    np.testing.assert_array_equal(scores, predictor.predict(pictures[..., None]))


def test_a_version_on_a_server_is_downloaded(versions, monkeypatch):
    monkeypatch.setattr("pipeline.tracking.model_choice.file_path", lambda uri: None)
    assert load_classifier("2")[0].classes == ["ant", "bee", "fly"]


def test_a_folder(versions, predictor_folder):
    classifier, title = load_classifier(str(predictor_folder))
    assert (classifier.classes, title) == (["ant", "bee", "fly"], str(predictor_folder))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "champion",
            r"^'champion' is no model; expected NAME@champion, NAME/3, a version of this project such as 3, a",
        ),
        ("data/predictor", r"^'data/predictor' is no model; expected NAME@champion, .*, or a folder$"),
        ("runs:/abc/model", r"^'runs:/abc/model' is no model; expected"),
        ("7", rf"^{NAME} has no version 7; its versions are 1, 2$"),
        ("@best", rf"^{NAME} has no version with the alias 'best'; its versions are 1, 2$"),
        ("birds/1", r"has no model 'birds'; it has .*colibri-chosen"),
        ("it's/1", r"has no model \"it's\"; it has "),
    ],
)
def test_a_model_that_is_not_there(versions, model, message):
    with pytest.raises(UserError, match=message):
        load_classifier(model)


def test_without_champion_the_last_trained_model_is_taken(versions, predictor_folder):
    (versions / "params.yaml").write_text(yaml.safe_dump({"register": {"model_name": "colibri-none"}}))
    with pytest.raises(
        UserError,
        match=r"^colibri-none has no champion, and data/predictor does not exist; colibri run trains a model$",
    ):
        load_classifier()
    shutil.copytree(predictor_folder, versions / "data/predictor")
    assert load_classifier()[1] == "data/predictor, the last trained model (colibri-none has no champion)"


def test_without_a_store_none_is_made(versions, predictor_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    shutil.copytree(predictor_folder, versions / "data/predictor")
    assert load_classifier()[1] == "data/predictor, the last trained model (nothing is registered yet)"
    with pytest.raises(UserError, match=r"^'2': MLflow's store sqlite:.*none.db does not exist; colibri run makes it$"):
        find_version("2")
    assert not (tmp_path / "none.db").exists()


def test_outside_a_project(project, store):
    with pytest.raises(UserError, match=r"is no folder of a Colibri project \(it has no params.yaml\); go to the proj"):
        load_classifier()


def test_files_that_were_deleted(client, project, predictor_folder, pictures, encode, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path)
    run_id, _ = runs.completed_run("lost", "lost", {"a": 1}, pd.DataFrame(), {})
    registry.create_version("lost", run_id, "lost", predictor_folder, encode(pictures[0]), {})
    place = client.get_logged_model(find_version("lost/1").model_id).artifact_location
    shutil.rmtree(place.removeprefix("file://"))
    with pytest.raises(UserError, match=r"the files of lost version 1, holds no model; copy mlruns/ from where it was"):
        load_classifier("lost/1")
