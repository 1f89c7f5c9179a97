"""What a server answered, as pictures that drift is measured on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feedback_examples import START, answer, store_rows
from finished_run import make_run
from served_answers import serve

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.monitoring.reference import load_reference
from pipeline.serving.answer_store import ANSWERS, default_store
from pipeline.serving.answered_pictures import find_store, observe_answers, served_version


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(make_run(tmp_path))
    return pd.read_parquet(artifacts.MANIFEST)


def model() -> str:
    return str(config.load_params()["register"]["model_name"])


def test_each_new_picture_counts_once_with_its_decision(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    found = observe_answers(store, model(), "1", load_reference(), 100, 0)
    assert len(found.observed) == 6  # the one of the manifest is left out, and the one that came twice counts once
    assert found.observed.is_scored.all()
    np.testing.assert_allclose(found.observed.scores, [[0.1, 0.9]] * 6)
    assert found.observed.decided.tolist() == [[False, True]] * 6
    assert found.observed.properties["prop_brightness"].notna().all()
    assert found.notes == ()


def test_decisions_of_another_version_do_not_count(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    found = observe_answers(store, model(), "2", load_reference(), 100, 0)
    assert len(found.observed) == 6
    assert not found.observed.is_scored.any()
    assert found.notes[0].startswith(
        "The decisions on 6 of 6 pictures are not compared: they are not of the version of"
    )
    assert "(not registered)" in observe_answers(store, model(), None, load_reference(), 100, 0).notes[0]


def test_a_score_that_is_missing_makes_a_decision_none(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=3)
    store_rows(store, [(ANSWERS, answer(50, "a" * 64, "1", model()) | {"scores": {"light": 1.0}})])
    found = observe_answers(store, model(), "1", load_reference(), 100, 0)
    assert found.observed.is_scored.tolist() == [True, True, True, False]
    assert "The decisions on 1 of 4 pictures" in found.notes[0]


def test_answers_without_properties_are_left_out_and_counted(made: pd.DataFrame, tmp_path: Path) -> None:
    """Where nothing was measured, missing properties would look like drift."""
    store = serve(tmp_path, made, level=220, number=3)
    store_rows(
        store,
        [
            (ANSWERS, answer(60 + one, "b" * 64, "1", model()) | {"content_hash": "", "properties": {}})
            for one in (0, 1)
        ],
    )
    found = observe_answers(store, model(), "1", load_reference(), 100, 0)
    assert len(found.observed) == 3
    assert found.notes == ("2 answers without measured properties were left out.",)


def test_of_many_pictures_random_ones_are_read(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=9)
    picked = [
        observe_answers(store, model(), "1", load_reference(), 4, seed).observed.sample_ids.tolist()
        for seed in (0, 0, 1)
    ]
    assert [len(one) for one in picked] == [4, 4, 4]
    assert picked[0] == picked[1] != picked[2]


def test_answers_since_a_time(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    found = observe_answers(store, model(), "1", load_reference(), 100, 0, START + timedelta(hours=4))
    assert len(found.observed) == 3  # two, and the one that came again


def test_without_an_answer_there_is_nothing_to_compare(made: pd.DataFrame, tmp_path: Path) -> None:
    store = serve(tmp_path, made, level=220, number=6)
    with pytest.raises(UserError, match="nothing about new pictures with other: 0 answers, 0 of them with measured"):
        observe_answers(store, "other", "1", load_reference(), 100, 0)


def test_the_version_of_the_last_run(made: pd.DataFrame) -> None:
    assert served_version("m") is None
    artifacts.write_json(artifacts.REGISTRATION, {"model": "m", "version": "3"})
    assert served_version("m") == "3"
    assert served_version("other") is None


def test_the_database_of_the_project_is_there_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a%20b?c"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert find_store(None) is None
    assert find_store("project") is None
    assert find_store("sqlite:///a.db") == "sqlite:///a.db"
    place = folder / ".cache/serving/answers.db"
    place.parent.mkdir(parents=True)
    place.touch()
    assert find_store("project") == default_store()  # where the server writes
