"""Pictures that arrived since the last finished run are compared with it, before anything is decided."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_run import make_run, paint
from served_answers import serve

from pipeline.core import artifacts, config
from pipeline.core.retrain_contracts import DriftReading
from pipeline.experiments.recorded_run import digest_file
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure
from pipeline.monitoring.reference import load_reference
from pipeline.prediction.new_pictures import load_images
from pipeline.report.monitoring import shown_samples
from pipeline.retraining import drift_reading
from pipeline.retraining.drift_reading import find_served, measure_new, measure_served, observe_served


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The manifest of a finished run, in whose project the test is."""
    monkeypatch.chdir(make_run(tmp_path))
    return pd.read_parquet(artifacts.MANIFEST)


def arrive(manifest: pd.DataFrame, number: int, level: int) -> pd.DataFrame:
    """The manifest with that many more pictures of the class light."""
    generator, rows = np.random.default_rng(2), []
    for row in range(number):
        path = paint(Path("data/raw/light"), f"new{row}.png", level, generator)
        found = decode_and_measure(path.read_bytes(), Decoding(max_pixels=10**6))
        properties = {f"prop_{name}": value for name, value in found.properties.items()}
        name = path.relative_to("data/raw").as_posix()
        rows.append(
            {"sample_id": name, "path": name, "labels": ["light"], "group": name, "channels": 1}
            | {"content_hash": found.content_hash, **properties}
        )
    return pd.concat([manifest, pd.DataFrame(rows)], ignore_index=True)


def test_brighter_pictures_have_drifted_and_a_page_shows_them(made: pd.DataFrame):
    params = config.load_params()
    reading, report = measure_new(params, made, arrive(made, 40, 210), write=False)
    assert report is not None
    assert reading.state == report.state == "drifted"
    assert report.num_new == 40
    assert not artifacts.MONITORING.exists()  # a dry run writes nothing
    again, _ = measure_new(params, made, arrive(made, 40, 210), write=True)
    assert again == reading
    pictures = artifacts.MONITORING_PAGE.read_text().count("data:image/png")
    known = {name for one in report.measures for names in one.pictures.values() for name in names} & {*made.sample_id}
    assert pictures > len(known) > 0  # those of the training, and more: the new ones
    shown = load_images(params, {"New": shown_samples(report, "New")}, arrive(made, 40, 210))["New"]
    assert len(shown) == len(shown_samples(report, "New")) > 0
    assert all(name.startswith("light/new") for name in shown)
    assert report.figures()["drift/num_new"] == 40


def test_each_side_shows_its_own_picture_of_a_sample_that_was_altered_and_the_one_that_is_gone(made: pd.DataFrame):
    params = config.load_params()
    now = arrive(made, 2, 210)
    altered, gone = made["sample_id"].iloc[:2]
    paint(Path("data/raw"), altered, 255, np.random.default_rng(3))
    found = decode_and_measure(Path("data/raw", altered).read_bytes(), Decoding(max_pixels=10**6))
    now.loc[now["sample_id"] == altered, "content_hash"] = found.content_hash
    now = now[now["sample_id"] != gone]
    shown = load_images(params, {"New": [altered, "light/new0.png"], "Training": [altered, gone]}, now)
    assert list(shown["New"]) == [altered, "light/new0.png"]
    assert shown["New"][altered].mean() > 230
    assert list(shown["Training"]) == [gone]  # the bytes of the other are no longer there


def test_what_cannot_be_judged_says_why(made: pd.DataFrame):
    params = config.load_params()
    assert measure_new(params, None, made, write=True)[0].sentence == drift_reading.NONE_KNOWN
    assert measure_new(params, made, made, write=True)[0].sentence == drift_reading.NONE_NEW
    unfinished = measure_new(params, made.iloc[1:], arrive(made, 2, 210), write=True)
    assert unfinished[0].sentence == drift_reading.UNFINISHED
    artifacts.PREDICTIONS.unlink()
    reading, report = measure_new(params, made, arrive(made, 2, 210), write=True)
    assert report is None
    assert reading.state == "cannot_be_judged"
    assert "predictions.parquet" in reading.sentence
    assert not artifacts.MONITORING.exists()


def test_served_pictures_are_compared_with_half_of_alpha(made: pd.DataFrame, tmp_path: Path):
    params = config.load_params()
    found = find_served(params, made, serve(tmp_path, made, level=220), None)
    assert isinstance(found, tuple)
    reading, report = measure_served(params, *found, write=False)
    assert reading.state == report.state == "drifted"
    assert report.alpha == params["monitoring"]["alpha"] / 2
    assert not drift_reading.SERVED.exists()  # a dry run writes nothing
    measure_served(params, *found, write=True)
    assert drift_reading.SERVED.exists()
    assert "pictures that were served" in drift_reading.SERVED_PAGE.read_text()
    assert not artifacts.MONITORING.exists()
    _, of_new = measure_new(params, made, arrive(made, 40, 210), write=False, share=0.5)
    assert of_new is not None
    assert of_new.alpha == report.alpha


def test_decisions_count_where_the_last_run_ended_with_its_registration(made: pd.DataFrame, tmp_path: Path):
    """Else registration.json is that of an earlier model than the predictions on val."""
    params, store = config.load_params(), serve(tmp_path, made, level=220)
    artifacts.write_json(artifacts.REGISTRATION, {"model": params["register"]["model_name"], "version": "1"})
    reference = load_reference()
    assert not observe_served(params, reference, store).observed.is_scored.any()
    entry = {"path": artifacts.PREDICTIONS.as_posix(), "md5": digest_file(artifacts.PREDICTIONS)}
    Path("dvc.lock").write_text(json.dumps({"stages": {"register": {"deps": [entry]}}}))
    assert observe_served(params, reference, store).observed.is_scored.all()


def test_a_share_of_alpha_takes_the_more_permutations(made: pd.DataFrame):
    params = config.load_params()
    params["monitoring"] |= {"alpha": 0.01, "num_permutations": 99}
    _, report = measure_new(params, made, arrive(made, 40, 210), write=False, share=0.5)
    assert report is not None
    assert report.state == "drifted"  # with 99 no p-value is below 0.01


def test_what_cannot_be_judged_of_served_pictures_says_why(made: pd.DataFrame, tmp_path: Path):
    params, store = config.load_params(), serve(tmp_path, made, level=220)
    reading = find_served(params, made, store, datetime(2027, 1, 1, tzinfo=UTC))
    assert isinstance(reading, DriftReading)
    assert reading.state == "cannot_be_judged"
    assert "the server answered nothing about new pictures" in reading.sentence
    assert find_served(params, None, store, None) == replace(reading, sentence=drift_reading.NONE_KNOWN)
    assert find_served(params, made.iloc[1:], store, None) == replace(reading, sentence=drift_reading.UNFINISHED)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"no database")
    found = find_served(params, made, f"sqlite:///{damaged}", None)
    assert isinstance(found, DriftReading)
    assert found.state == "cannot_be_judged"
