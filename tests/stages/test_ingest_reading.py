"""Odd names, links, files that may not be read, vanish, change or kill: each is read or refused, nothing hangs."""

import os

import pytest
from ingest_examples import ingest, paths_and_reasons, source, write_params

from pipeline.core import artifacts
from pipeline.datasets.sources.folder import Folder
from pipeline.media import reader
from pipeline.stages import ingest as stage


@pytest.mark.parametrize(
    "name", ["new\nline.png", "quo\"te's.png", "\U0001f98a fox.png", "a,b;c\td.png", "-rf.png", "Ä.png", "<b>&.png"]
)
def test_odd_names_are_kept_as_they_are(project, picture_folder, encode, noise, name):
    (picture_folder / "cat" / name).write_bytes(encode(noise(9)))
    write_params(picture_folder)
    stage.main()
    assert f"cat/{name}" in set(artifacts.read_table(artifacts.MANIFEST)["path"])


def test_names_that_differ_only_in_case(picture_folder, encode, noise):
    for name in ("a.png", "A.png"):
        (picture_folder / "cat" / name).write_bytes(encode(noise(9)))
    accepted, _ = paths_and_reasons(picture_folder)
    assert {"cat/a.png", "cat/A.png"} <= accepted


def test_the_same_picture_under_two_labels_is_kept_twice_and_can_be_told(picture_folder):
    (picture_folder / "dog" / "duplicate.png").write_bytes((picture_folder / "cat" / "0.png").read_bytes())
    manifest, _ = ingest(source(picture_folder), max_pixels=9_999)
    duplicates = manifest[manifest["content_hash"].duplicated(keep=False)]
    assert duplicates["path"].tolist() == ["cat/0.png", "dog/duplicate.png"]
    assert duplicates["labels"].map(list).tolist() == [["cat"], ["dog"]]


def test_loops_of_links_end(picture_folder):
    (picture_folder / "cat" / "loop").symlink_to(picture_folder / "cat")
    (picture_folder / "cat" / "self.png").symlink_to("self.png")
    accepted, refused = paths_and_reasons(picture_folder)
    assert len(accepted) == 8
    assert set(refused.values()) <= {"unreadable"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(picture_folder):
    (picture_folder / "cat" / "0.png").chmod(0)
    assert paths_and_reasons(picture_folder)[1] == {"cat/0.png": "unreadable"}


def test_permission_denied_is_unreadable(picture_folder, monkeypatch):
    def denied(*given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pipeline.core.safe_files._content", denied)
    _, quarantine = ingest(source(picture_folder), max_pixels=9_999)
    assert set(quarantine["reason"]) == {"unreadable"}
    assert set(quarantine["detail"]) == {"Permission denied"}


def test_a_file_that_vanishes_or_changes_during_the_scan(picture_folder, monkeypatch):
    original = Folder.open

    def meanwhile(self, path):
        if path == "cat/0.png":
            (picture_folder / "cat" / "1.png").unlink()
            (picture_folder / "cat" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
        return original(self, path)

    monkeypatch.setattr(Folder, "open", meanwhile)
    accepted, refused = paths_and_reasons(picture_folder)
    assert refused == {"cat/1.png": "missing", "cat/2.png": "not_a_picture"}
    assert len(accepted) == 6


def kill_on_fox(made, path):
    return os._exit(1) if "fox" in path else made.codec.examine(made.source.open(path))


def test_a_picture_that_kills_its_process_is_refused(picture_folder, encode, noise, monkeypatch):
    for seed in range(64):
        (picture_folder / "cat" / f"more{seed:02d}.png").write_bytes(encode(noise(seed)))
    (picture_folder / "dog" / "fox.png").write_bytes(encode(noise(99)))
    monkeypatch.setattr(reader, "examine", kill_on_fox)
    monkeypatch.setattr("pipeline.core.parallel.num_workers", lambda: 2)
    accepted, refused = paths_and_reasons(picture_folder)
    assert refused == {"dog/fox.png": "crashed"}
    assert len(accepted) == 72


def test_a_file_that_grows_or_becomes_another_kind_while_it_is_read(picture_folder, monkeypatch):
    grown, swapped = picture_folder / "cat/0.png", picture_folder / "cat/1.png"
    original = os.open

    def meanwhile(path, *given):
        if path == swapped:
            swapped.unlink()
            os.mkfifo(swapped)  # to read a pipe that nobody writes to would take for ever
        return original(path, *given)

    def late(descriptor, original=os.fstat):
        status = original(descriptor)
        if os.path.samestat(status, grown.stat()):
            with grown.open("ab") as file:
                file.write(b"more")
        return status

    monkeypatch.setattr(os, "open", meanwhile)
    monkeypatch.setattr(os, "fstat", late)
    accepted, refused = paths_and_reasons(picture_folder)
    assert refused == {"cat/0.png": "unreadable", "cat/1.png": "unreadable"}
    assert len(accepted) == 6


def test_a_file_that_shrinks_while_it_is_read_is_truncated(picture_folder, monkeypatch):
    shrunk = picture_folder / "cat/0.png"

    def late(descriptor, original=os.fstat):
        status = original(descriptor)
        if os.path.samestat(status, shrunk.stat()):
            os.truncate(shrunk, 600)
        return status

    monkeypatch.setattr(os, "fstat", late)
    assert paths_and_reasons(picture_folder)[1] == {"cat/0.png": "truncated"}
