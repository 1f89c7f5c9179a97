"""Pictures that arrived since the last finished run are compared with it, before anything is decided."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_run import make_run, paint

from pipeline.core import artifacts, config
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure
from pipeline.prediction.new_pictures import load_images
from pipeline.report.monitoring import shown_samples
from pipeline.retraining import drift_reading
from pipeline.retraining.drift_reading import measure_new


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
