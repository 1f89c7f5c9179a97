"""What a server answered, as pictures that drift is measured on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feedback_examples import START
from finished_run import make_run
from served_answers import serve

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.monitoring.reference import load_reference
from pipeline.serving.answered_pictures import find_store, observe_answers, served_version


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(make_run(tmp_path))
    return pd.read_parquet(artifacts.MANIFEST)


def model() -> str:
    return str(config.load_params()["register"]["model_name"])


def test_each_new_picture_counts_once_with_its_decision(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    found = observe_answers(store, model(), "1", load_reference())
    assert len(found.observed) == 6  # the one of the manifest is left out, and the one that came twice counts once
    assert found.observed.is_scored.all()
    np.testing.assert_allclose(found.observed.scores, [[0.1, 0.9]] * 6)
    assert found.observed.decided.tolist() == [[False, True]] * 6
    assert found.observed.properties["prop_brightness"].notna().all()
    assert found.notes == ()


def test_decisions_of_another_version_do_not_count(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    found = observe_answers(store, model(), "2", load_reference())
    assert len(found.observed) == 6
    assert not found.observed.is_scored.any()
    assert found.notes[0].startswith("6 of 6 pictures were answered by another version than that of the last run (2)")
    assert "(not registered)" in observe_answers(store, model(), None, load_reference()).notes[0]


def test_answers_since_a_time(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    found = observe_answers(store, model(), "1", load_reference(), START + timedelta(hours=4))
    assert len(found.observed) == 3  # two, and the one that came again


def test_without_an_answer_there_is_nothing_to_compare(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    with pytest.raises(UserError, match=r"nothing about new pictures with other: 8 answers, 0 of this model; serve it"):
        observe_answers(store, "other", "1", load_reference())


def test_the_version_of_the_last_run(made: pd.DataFrame) -> None:
    assert served_version("m") is None
    artifacts.write_json(artifacts.REGISTRATION, {"model": "m", "version": "3"})
    assert served_version("m") == "3"
    assert served_version("other") is None


def test_the_database_of_the_project_is_there_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_store(None) is None
    assert find_store("project") is None
    assert find_store("sqlite:///a.db") == "sqlite:///a.db"
    place = tmp_path / ".cache/serving/answers.db"
    place.parent.mkdir(parents=True)
    place.touch()
    assert find_store("project") == f"sqlite:///{place}"
