"""An ingest that remembers gives what one that does not gives, and decodes only what changed."""

import os

import pandas as pd
import pytest
from ingest_examples import ingest

from pipeline.datasets.sources.digits import Digits
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding
from pipeline.images.grey_scales import Greys
from pipeline.images.properties import SampleMeasurements
from pipeline.media import measurement_cache, reader
from pipeline.media.measurement_cache import MeasurementCache, cache_key

MAX_PIXELS = 9_999
LONG_AGO = 1_000_000_000


@pytest.fixture
def source(project, picture_folder, monkeypatch):
    """Eight pictures that were written long ago, as far as the file system tells."""
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", -1e9)
    return Folder(name="pictures", path=str(picture_folder), watch="")


@pytest.fixture
def decoded(monkeypatch):
    """Paths in the order they are decoded."""
    paths = []

    def examine(made, path, original=reader.examine):
        paths.append(path)
        return original(made, path)

    monkeypatch.setattr(reader, "examine", examine)
    return paths


def same(one, other):
    for left, right in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_nothing_is_decoded_twice(source, decoded):
    first = ingest(source, MAX_PIXELS, cache=True)
    assert len(decoded) == 8
    same(first, ingest(source, MAX_PIXELS, cache=True))
    assert len(decoded) == 8
    same(first, ingest(source, MAX_PIXELS))
    assert len(decoded) == 16


def test_only_what_changed_is_decoded(source, decoded, picture_folder, encode, noise):
    ingest(source, MAX_PIXELS, cache=True)
    decoded.clear()
    changed = picture_folder / "cat/1.png"
    size = changed.stat().st_size
    changed.write_bytes(encode(noise(99)))
    assert changed.stat().st_size == size  # random pixels compress alike: the size alone would not tell
    (picture_folder / "dog/2.png").write_text("text")
    (picture_folder / "dog/3.png").unlink()
    (picture_folder / "dog/new.png").write_bytes(encode(noise(98)))
    second = ingest(source, MAX_PIXELS, cache=True)
    assert decoded == ["cat/1.png", "dog/2.png", "dog/new.png"]
    same(second, ingest(source, MAX_PIXELS))


def test_a_change_that_keeps_size_and_time_is_seen(source, decoded, picture_folder, encode, noise):
    path = picture_folder / "cat/1.png"
    os.utime(path, (LONG_AGO, LONG_AGO))
    ingest(source, MAX_PIXELS, cache=True)
    decoded.clear()
    path.write_bytes(encode(noise(99)))
    os.utime(path, (LONG_AGO, LONG_AGO))
    same(ingest(source, MAX_PIXELS, cache=True), ingest(source, MAX_PIXELS))
    assert decoded[0] == "cat/1.png"


def test_a_file_touched_just_now_is_not_trusted(source, decoded, monkeypatch):
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", 3600.0)  # however slow the machine is
    ingest(source, MAX_PIXELS, cache=True)
    ingest(source, MAX_PIXELS, cache=True)
    assert len(decoded) == 16


def test_refused_files_and_links_that_lead_elsewhere_now_are_looked_at_each_time(source, decoded, picture_folder):
    (picture_folder / "cat/link.png").symlink_to("0.png")
    (picture_folder / "cat/text.png").write_text("text")
    ingest(source, MAX_PIXELS, cache=True)
    decoded.clear()
    ingest(source, MAX_PIXELS, cache=True)
    assert decoded == ["cat/text.png"]
    (picture_folder / "cat/link.png").unlink()
    (picture_folder / "cat/link.png").symlink_to("1.png")
    second = ingest(source, MAX_PIXELS, cache=True)
    assert decoded == ["cat/text.png", "cat/link.png", "cat/text.png"]
    same(second, ingest(source, MAX_PIXELS))


def test_the_file_behind_a_link_changed(source, decoded, picture_folder, tmp_path, encode, noise):
    (tmp_path / "elsewhere.png").write_bytes(encode(noise(97)))
    (picture_folder / "cat/link.png").symlink_to(tmp_path / "elsewhere.png")
    ingest(source, MAX_PIXELS, cache=True)
    (tmp_path / "elsewhere.png").write_bytes(encode(noise(98)))
    decoded.clear()
    same(ingest(source, MAX_PIXELS, cache=True), ingest(source, MAX_PIXELS))
    assert decoded[0] == "cat/link.png"


def test_a_folder_that_became_a_link_out_of_the_source(source, picture_folder, tmp_path):
    ingest(source, MAX_PIXELS, cache=True)
    (picture_folder / "cat").rename(tmp_path / "elsewhere")
    (picture_folder / "cat").mkdir()
    (picture_folder / "cat/inner").symlink_to(tmp_path / "elsewhere")
    manifest, _ = ingest(source, MAX_PIXELS, cache=True)
    assert manifest["path"].tolist()[:2] == ["cat/inner/0.png", "cat/inner/1.png"]
    same(ingest(source, MAX_PIXELS, cache=True), ingest(source, MAX_PIXELS))


def test_a_class_folder_that_became_a_link_out_of_the_source(source, picture_folder, tmp_path):
    ingest(source, MAX_PIXELS, cache=True)
    (picture_folder / "cat").rename(tmp_path / "elsewhere")  # the files keep their stamps
    (picture_folder / "cat").symlink_to(tmp_path / "elsewhere")
    same(ingest(source, MAX_PIXELS, cache=True), ingest(source, MAX_PIXELS))
    (picture_folder / "fox").mkdir()  # a source needs two classes that can be read
    (picture_folder / "dog/3.png").rename(picture_folder / "fox/3.png")
    (picture_folder / "cat").unlink()
    (picture_folder / "cat").symlink_to(tmp_path)  # around the source: everything would be reachable
    measurement_cache.safe_files.is_inside.cache_clear()
    assert source.stat("cat/elsewhere/0.png") is None
    assert ingest(source, MAX_PIXELS, cache=True)[0]["labels"].str[0].tolist() == ["dog"] * 3 + ["fox"]


def test_sources_without_files_remember_nothing(project):
    assert Digits(name="digits", num_per_class=1, watch="").stat("0000") is None


@pytest.mark.parametrize("spoil", ["bytes", "columns", "numbers"])
def test_a_spoilt_file_is_not_used_and_said(source, decoded, capsys, spoil):
    first = ingest(source, MAX_PIXELS, cache=True)
    (file,) = measurement_cache.FOLDER.glob("*.parquet")
    if spoil == "bytes":
        file.write_bytes(file.read_bytes()[:100])
    elif spoil == "columns":
        pd.DataFrame({"path": ["cat/0.png"]}).to_parquet(file)
    else:
        pd.read_parquet(file).assign(found="{}").to_parquet(file)
    same(first, ingest(source, MAX_PIXELS, cache=True))
    assert len(decoded) == 16
    warning = capsys.readouterr().err
    assert "ingest: warning, the cache .cache/ingest/" in warning
    assert "is not used, so every picture is decoded" in warning


def test_a_folder_that_cannot_be_written(source, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(measurement_cache.artifacts, "write_table", full)
    assert len(ingest(source, MAX_PIXELS, cache=True)[0]) == 8
    assert "No space left on device" in capsys.readouterr().err


def test_the_version_knows_the_source_the_limit_and_the_code(source, tmp_path, monkeypatch):
    limits = Decoding(max_pixels=1)
    versions = [
        cache_key(source, limits),
        cache_key(source, Decoding(max_pixels=2)),
        cache_key(source, Decoding(max_pixels=1, grey_scale=Greys.of_bits(12))),
        cache_key(Folder(name="y", path=str(tmp_path), watch=""), limits),
    ]
    monkeypatch.setattr(measurement_cache, "code_digest", lambda modules: "changed")
    versions.append(cache_key(source, limits))
    assert len(set(versions)) == 5


def test_only_a_few_files_are_kept(source):
    for limit in range(1_000, 1_000 + measurement_cache.MAX_FILES + 3):
        ingest(source, limit, cache=True)
    assert len(list(measurement_cache.FOLDER.glob("*.parquet"))) == measurement_cache.MAX_FILES


def test_find_wants_the_same_stamp(tmp_path):
    measured = SampleMeasurements("c", "p", 1, 2, 3, {})
    kept = MeasurementCache(tmp_path / "x", {"a": ((1, 2, 3), measured)})
    assert kept.get("a", (1, 2, 3)) is measured
    assert kept.get("a", (1, 2, 4)) is None
    assert kept.get("a", None) is None
    assert kept.get("b", (1, 2, 3)) is None
