"""Which pictures a call names."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trained_model import make_pictures

from pipeline.core.errors import ItemRejected, UserError
from pipeline.prediction.inputs import list_inputs
from pipeline.prediction.tables import predict_contents


@pytest.fixture
def packed(project, encode):
    """The same four pictures, a broken one and a text in pictures.zip, pictures.tar and pictures.tar.gz."""
    files = {f"in/{number}.png": encode(one) for number, one in enumerate(make_pictures(4))}
    files |= {"in/bad.jpg": b"hello", "in/notes.txt": b"x", "__MACOSX/in/0.png": b"x", "../up.png": files["in/0.png"]}
    with zipfile.ZipFile("pictures.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    for name, mode in (("pictures.tar", "w"), ("pictures.tar.gz", "w:gz")):
        with tarfile.open(name, mode) as archive:
            for path, data in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return files


@pytest.mark.parametrize("name", ["pictures.zip", "pictures.tar", "pictures.tar.gz"])
def test_an_archive_is_read_without_being_unpacked(name, packed, project, classifier):
    before = sorted(os.listdir())
    inputs = list_inputs([name])
    shown = [f"{name}/in/{one}" for one in ("0.png", "1.png", "2.png", "3.png", "bad.jpg")]
    assert (len(inputs), inputs.left_out) == (5, (f"{name}/in/notes.txt",))
    assert [one for one, _ in inputs.read(range(5))] == shown
    assert dict(inputs.read({1, 3})) == {shown[1]: packed["in/1.png"], shown[3]: packed["in/3.png"]}
    ((table, pictures),) = predict_contents(classifier, inputs.read(range(5)), 5)
    assert (table["file"].tolist(), len(pictures)) == (shown, 4)
    assert table["reason"].tolist() == [""] * 4 + ["not_a_picture: starts with b'hello'"]
    scores = classifier.predictor.predict(make_pictures(4)[..., None])
    np.testing.assert_allclose(table.filter(like="score_")[:4], scores, rtol=1e-5)
    assert sorted(os.listdir()) == before
    assert not (project.parent / "up.png").exists()


def test_entries_that_are_no_files(project, encode):
    with tarfile.open("links.tar", "w") as archive:
        for name, kind in (("a.png", tarfile.SYMTYPE), ("b.png", tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    refused = dict(list_inputs(["links.tar"]).read(range(2)))
    assert isinstance(refused["links.tar/a.png"], ItemRejected)
    assert "a link; name the file" in str(refused["links.tar/a.png"])
    assert "neither a file, a folder nor a link" in str(refused["links.tar/b.png"])


def test_a_bomb_and_a_damaged_archive_end_in_one_line(project):
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(80 * 1024**2))
    with pytest.raises(UserError, match=r"^bomb\.zip could fill the disk: it unpacks to more"):
        list(list_inputs(["bomb.zip"]).read(range(1)))
    whole = (project / "bomb.zip").read_bytes()
    (project / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"^half\.zip is damaged, or no archive"):
        list_inputs(["half.zip"])


def test_a_list_takes_names_as_they_are_and_a_missing_file_is_a_row(scans, classifier):
    lines = ["scans/new/0.png\n", "gone[1].png\n", "\n", "scans/old\r\n", "scans/new/0.png\n"]
    inputs = list_inputs(["-"], lines)
    assert len(inputs.sections) == 1
    names = [name for name, _ in inputs.read(range(len(inputs)))]
    assert names[:3] == ["scans/new/0.png", "gone[1].png", "scans/old/1.png"]
    assert len(names) == len(set(names)) == 9
    table = pd.concat(part for part, _ in predict_contents(classifier, inputs.read(range(2)), 2))
    assert table["reason"].tolist() == ["", "missing: no such file"]


def test_an_empty_list(project):
    with pytest.raises(UserError, match=r"^'-': no picture in there; name a folder or an archive"):
        list_inputs(["-"], [])


def test_an_address_is_fetched_once_and_its_files_have_its_name(scans):
    url = (scans.parent / "scans").as_uri()
    inputs = list_inputs([url])
    names = [name for name, _ in inputs.read(range(len(inputs)))]
    assert names[0] == f"{url}/new/0.png"
    assert f"{url}/labels.csv" in inputs.left_out
    assert all(Path(path).is_file() for _, path in inputs.read(range(len(inputs))))
    assert list_inputs([url]).digest() == inputs.digest()


def test_the_digest_changes_with_a_name_a_file_and_the_order(scans):
    first = list_inputs(["scans"]).digest()
    assert list_inputs(["scans/old", "scans/new"]).digest() != first
    assert list_inputs(["scans"]).digest() == first
    os.utime("scans/new/0.png", ns=(1, 1))
    assert list_inputs(["scans"]).digest() != first
