"""The same pictures give the same tables, on one core or several, remembered or not."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from ingest_examples import BROKEN, MAX_PIXELS, ingest, source, write_params
from source_examples import MAKERS

from pipeline.core import artifacts, config
from pipeline.datasets.sources.folder import Folder
from pipeline.media import measurement_cache, reader
from pipeline.stages import ingest as stage

CONF = Path(__file__).parents[2] / "conf"


def test_the_same_pictures_are_written_as_the_same_bytes(project, broken_folder):
    write_params(broken_folder)
    written = []
    for _ in range(2):
        stage.main()
        written.append((artifacts.MANIFEST.read_bytes(), artifacts.QUARANTINE.read_bytes()))
    assert written[0] == written[1]
    assert len(artifacts.read_table(artifacts.MANIFEST)) == 8
    assert len(artifacts.read_table(artifacts.QUARANTINE)) == len(BROKEN)


def test_the_number_of_workers_does_not_matter(picture_folder, encode, noise, monkeypatch):
    for seed in range(64):  # as many as it takes to start processes
        (picture_folder / "cat" / f"more{seed:02d}.png").write_bytes(encode(noise(seed)) if seed % 8 else b"x")
    tables = []
    for workers in (1, 2):
        monkeypatch.setattr("pipeline.core.parallel.num_workers", lambda workers=workers: workers)
        tables.append(ingest(source(picture_folder), max_pixels=9_999))
    for one, other in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert [len(table) for table in tables[0]] == [64, 8]


def test_a_file_that_changes_between_its_stamp_and_its_reading_is_decoded_again(
    project, picture_folder, encode, noise, monkeypatch
):
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", -1e9)
    original = Folder.open

    def meanwhile(self, path):
        if path == "cat/0.png":
            (picture_folder / path).write_bytes(encode(noise(99)))  # its stamp was taken before
        return original(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "open", meanwhile)
        ingest(source(picture_folder), MAX_PIXELS, cache=True)
    (picture_folder / "cat/0.png").write_bytes(encode(noise(98)))
    for found, plain in zip(
        ingest(source(picture_folder), MAX_PIXELS, cache=True), ingest(source(picture_folder), MAX_PIXELS), strict=True
    ):
        pd.testing.assert_frame_equal(found, plain)


@pytest.mark.parametrize(
    "option",
    [
        name if name in ("folder", "archive") else pytest.param(name, marks=pytest.mark.slow)
        for name in MAKERS
        if name != "torchvision"
    ],
)
def test_a_second_ingest_of_any_format_decodes_nothing(project, tmp_path, option, monkeypatch):
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", -1e9)
    (tmp_path / "made").mkdir()
    told = [f"source.{key}={value}" for key, value in MAKERS[option](tmp_path / "made").items()]
    node = yaml.safe_load(config.compose(CONF, [f"source={option}", *told]))["source"]
    first = ingest(config.build(node, "source"), MAX_PIXELS, cache=True)
    assert len(first[0]) >= 8
    decoded = []
    monkeypatch.setattr(reader, "examine", lambda made, path: decoded.append(path))
    for before, after in zip(first, ingest(config.build(node, "source"), MAX_PIXELS, cache=True), strict=True):
        pd.testing.assert_frame_equal(before, after)
    assert decoded == []
