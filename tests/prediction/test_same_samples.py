"""Predict finds in a training folder, and in an archive of it, the samples that ingest finds there."""

import io
import zipfile

import numpy as np
import pydicom
import pytest
from films import animation, numbered
from PIL import Image
from volume_examples import series, voxels

from pipeline.core.sample_codec import FileSet
from pipeline.datasets.sources.clips import Clips
from pipeline.datasets.sources.volumes import Volumes
from pipeline.prediction.inputs import list_inputs
from pipeline.prediction.sample_names import SampleNames


@pytest.fixture
def write(project):
    def put(path, data=b"x"):
        path = project / "in" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return put


def write_archive(project):
    with zipfile.ZipFile(project / "in.zip", "w") as archive:
        for path in sorted((project / "in").rglob("*.*"), reverse=True):
            archive.write(path, path.relative_to(project / "in").as_posix())


def names(name, media):
    inputs = list_inputs([name], samples=SampleNames(media))
    return sorted(found.removeprefix(f"{name}/") for found, _ in inputs.read(range(len(inputs))))


def still(number):
    buffer = io.BytesIO()
    Image.new("L", (8, 8), number).save(buffer, "WEBP")
    return buffer.getvalue()


def test_clips(project, write):
    """Frames in WebP, and animations with numbers in the folder of a class."""
    for label in ("a", "b"):
        for number in range(4):
            write(f"{label}/c1/{number}.webp", still(number))
            write(f"{label}/deep/c2/{number}.png")
            write(f"{label}/film.mp4")
    for kind in ("gif", "webp"):
        for number in range(4):
            write(f"{kind}/{number}.{kind}", animation(kind.upper(), numbered(2, 8, 8)))
    expected = sorted(Clips(name="made", path="in", watch="in").read()["path"])
    assert len(expected) == 2 * 3 + 2 * 4
    assert names("in", "clip") == expected
    write_archive(project)
    assert names("in.zip", "clip") == expected
    assert names("in/a/c1", "clip") == ["in/a/c1"]
    assert names("in/a", "clip") == ["c1", "deep/c2", "film.mp4"]


def test_volumes(project, write):
    """A series with a text, one of numbered files, files of many frames, one slice alone, other formats."""
    slices = [data for _, data in series(voxels(), PatientID="P-1").files]
    many = pydicom.dcmread(io.BytesIO(slices[0]))
    many.NumberOfFrames = 4
    buffer = io.BytesIO()
    many.save_as(buffer)
    for number, data in enumerate(slices):
        write(f"cat/p1/{number}.dcm", data)
        write(f"cat/p2/IM.{number}", data)
    write("cat/p1/readme.txt")
    write("cat/bare/notes.1")
    for name in ("a.dcm", "b.dcm"):
        write(f"dog/many/{name}", buffer.getvalue())
    for number in range(2):
        write(f"dog/films/IM.{number}", buffer.getvalue())
    write("dog/one/1.dcm", slices[0])
    np.save(project / "in/dog/a.npy", voxels())
    write("dog/b.nrrd", b"NRRD")
    expected = sorted(Volumes(name="made", path="in", watch="in", salt="pepper").read()["path"])
    files = ["many/a.dcm", "many/b.dcm", "films/IM.0", "films/IM.1", "one", "a.npy", "b.nrrd"]
    assert expected == sorted(["cat/p1", "cat/p2", *(f"dog/{one}" for one in files)])
    assert names("in", "volume") == expected
    write_archive(project)
    assert names("in.zip", "volume") == expected
    inputs = list_inputs(["in.zip"], samples=SampleNames("volume"))
    content = dict(inputs.read(range(len(inputs))))["in.zip/cat/p2"]
    assert content == FileSet(files=tuple((f"IM.{number}", data) for number, data in enumerate(slices)))
    assert names("in/cat/p1", "volume") == ["in/cat/p1"]
