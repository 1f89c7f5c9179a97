"""`colibri monitor`: new files and logged predictions against a finished run."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_run import make_run, paint
from report_material import Page
from served_answers import serve

from pipeline.commands import monitor
from pipeline.core import artifacts
from pipeline.core.drift_report import read_drift_report
from pipeline.core.errors import UserError
from pipeline.monitoring.reference import load_reference, select_new
from pipeline.report import command_pages


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("project"))


def test_the_reference_is_train_and_val_and_nothing_of_test(made: Path):
    reference = load_reference(made)
    assert len(reference) == 80
    assert reference.is_scored.sum() == 30
    assert reference.is_labelled.all()
    assert reference.features is not None
    assert len(reference.features) == 80


def test_brighter_files_drift_and_the_page_shows_them(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(made)
    generator = np.random.default_rng(1)
    for number in range(40):
        paint(Path("new"), f"{number}.png", 150 + 60 * (number % 2), generator)
    Path("new/broken.png").write_bytes(b"no picture")
    monitor.main(["new"])
    report = read_drift_report()
    assert report.num_new == 40
    found = report.get("properties")
    assert found is not None
    assert found.state == "drifted"
    assert "brightness" in [row["property"] for row in found.details[:8]]
    assert report.not_measured["expected_loss"] == "of the new pictures no prediction is known"
    assert "data:image/png" in artifacts.MONITORING_PAGE.read_text()
    summary = Page(command_pages.PAGE.read_text())
    assert {"href": "monitoring.html"} in summary.all("a")
    assert report.sentence in summary.text
    text = capsys.readouterr().out
    assert "1 file could not be read." in text
    assert "The model decided nothing: data/predictor/card.json does not exist" in text
    assert "drifted            properties: Of the new pictures" in text
    assert text.rstrip().endswith("wrote reports/monitoring.json and reports/monitoring.html")


def test_logged_predictions_are_compared(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(made)
    manifest = pd.read_parquet(artifacts.MANIFEST)
    log = manifest.sample(300, replace=True, random_state=0).reset_index(drop=True).drop(columns=["group", "labels"])
    log = log.assign(scores=[[0.3, 0.7]] * 300, **{"class": "light"}, sample_id=[f"r{row}" for row in range(300)])
    artifacts.write_table(tmp_path / "log.parquet", log)
    monitor.main([], logged=str(tmp_path / "log.parquet"))
    report = read_drift_report()
    decisions = report.get("predicted_classes")
    assert decisions is not None
    assert decisions.state == "drifted"  # all light, where half were
    assert decisions.value == pytest.approx(0.5)
    assert report.not_measured["features"] == "of the new pictures there are no features"


def test_served_pictures_are_compared(
    made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(made)
    store = serve(tmp_path, pd.read_parquet(artifacts.MANIFEST), level=220)
    monitor.main([], served=store)
    assert "Accuracy in production cannot be judged: no answer was picked" in capsys.readouterr().out
    report = read_drift_report()
    assert report.num_new == 40
    found = report.get("properties")
    assert found is not None
    assert found.state == "drifted"
    assert "pictures that were served" in artifacts.MONITORING_PAGE.read_text()
    with pytest.raises(UserError, match="no server has stored an answer in this project; name the database"):
        monitor.main([], served="project")
    with pytest.raises(UserError, match="--since is for --served"):
        monitor.main([], since=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(UserError, match="--logged FILE or --served, and only one"):
        monitor.main([], logged="log.parquet", served=store)


def test_what_is_refused(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(made)
    with pytest.raises(UserError, match="has no picture that was not split; name new ones: colibri monitor FOLDER"):
        monitor.main([])
    with pytest.raises(UserError, match="name pictures, --logged FILE or --served, and only one of them"):
        monitor.main(["new"], logged="log.parquet")
    with pytest.raises(UserError, match="--groups is for a PATH"):
        monitor.main([], groups="one")
    with pytest.raises(UserError, match="pictures are in the manifest already; name a folder with new ones"):
        monitor.main(["data/raw/dark"])
    artifacts.write_table(tmp_path / "log.parquet", pd.DataFrame({"other": [1]}))
    with pytest.raises(UserError, match=r"log\.parquet: no column prop_\* or scores among other"):
        monitor.main([], logged=str(tmp_path / "log.parquet"))
    with pytest.raises(UserError, match=r"'nothing' is no sample of data/manifest\.parquet"):
        select_new(["nothing"])
