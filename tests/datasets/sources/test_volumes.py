"""Folders of volumes: classes, series, groups by patient, and no word of a patient in anything that is written."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
import yaml
from ingest_examples import ingest
from volume_examples import PRIVATE, canonical, nifti, series, voxels

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.discovery.file_listing import list_files
from pipeline.datasets.sources.volumes import Volumes
from pipeline.media.volume import Volume
from pipeline.stages import ingest as stage
from pipeline.volumes.patients import make_pseudonym

NIFTI = nifti(canonical(voxels()), np.eye(4))


def write_series(folder: Path, seed: int = 0, suffix: str = ".dcm", **elements: Any) -> None:
    folder.mkdir(parents=True)
    for name, data in series(voxels(seed=seed), **elements).files:
        (folder / name.replace(".dcm", suffix)).write_bytes(data)


def write_file(path: Path, data: bytes = NIFTI) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def source(folder: Path, **options: Any) -> Volumes:
    return Volumes(name="scans", path=str(folder), watch="x", **{"salt": "pepper", **options})


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Two classes of series and files, and what lies around them."""
    root = tmp_path / "made"
    write_series(root / "cat/p1/study/a", PatientID="P-1", seed=1)
    write_series(root / "cat/p1/study/b", PatientID="P-1", seed=2, suffix="")
    write_series(root / "dog/p2", PatientID="P-2", seed=3)
    write_file(root / "dog/sub-07/anat/sub-07_T1w.nii.gz")
    write_file(root / "dog/brain_12.nii")
    write_file(root / "dog/brain_13.mha", b"ObjectType = Image")
    write_file(root / "dog/brain_12.json", b"{}")
    write_file(root / "cat/p1/notes.txt", b"text")
    write_file(root / "unlabelled/x.nii")
    return root


def test_series_and_files_below_the_classes(made: Path) -> None:
    rows = source(made).read().set_index("path")
    assert rows["labels"].to_dict() == {
        "cat/p1/study/a": ["cat"],
        "cat/p1/study/b": ["cat"],
        "dog/p2": ["dog"],
        "dog/brain_12.nii": ["dog"],
        "dog/brain_13.mha": ["dog"],
        "dog/sub-07/anat/sub-07_T1w.nii.gz": ["dog"],
        "unlabelled/x.nii": [],
    }
    assert rows["refused"].dropna().to_dict() == {"dog/brain_13.mha": "unsupported"}
    assert rows["group"].dropna().to_dict() == {
        "cat/p1/study/a": make_pseudonym("P-1", "pepper"),
        "cat/p1/study/b": make_pseudonym("P-1", "pepper"),
        "dog/p2": make_pseudonym("P-2", "pepper"),
        "dog/sub-07/anat/sub-07_T1w.nii.gz": "sub-07",
    }
    assert isinstance(source(made).open("dog/p2"), FileSet)
    assert source(made).open("dog/brain_12.nii") == NIFTI


def test_other_groups(made: Path) -> None:
    of_file = source(made, group="file").read().set_index("path")["group"]
    assert of_file[["dog/brain_12.nii", "dog/brain_13.mha", "dog/p2"]].tolist() == ["brain", "brain", "p"]
    assert source(made, group="none", salt="").read()["group"].isna().all()
    first = source(made, group_pattern=r"dog/(\w+)_").read().set_index("path")["group"]
    assert first["dog/brain_12.nii"] == "brain"
    with pytest.raises(UserError, match=r"source\.salt is empty.*set it to any text that others do not know, such as"):
        source(made, salt="").read()
    with pytest.raises(ValueError, match=r"group_pattern '\(' is no regular expression"):
        source(made, group_pattern="(")


def test_split_folders_and_deeper_labels(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for label in ("cat", "dog"):
            write_file(tmp_path / split / label / "1.nii")
            write_series(tmp_path / split / label / "s", PatientID=f"{split}{label}")
    rows = source(tmp_path).read()
    assert sorted(zip(rows["given_split"], rows["labels"].str[0], strict=True)) == [
        (split, label) for split in ("test", "train", "val") for label in ("cat", "cat", "dog", "dog")
    ]


def test_files_of_many_frames_are_samples_of_their_own(tmp_path: Path) -> None:
    data = series(voxels()).files[0][1]
    many = pydicom.dcmread(io.BytesIO(data))
    many.NumberOfFrames, many.PatientID = 4, "P-9"
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for name in ("a.dcm", "b.dcm"):
            many.save_as(tmp_path / label / name)
    rows = source(tmp_path).read()
    assert rows["path"].tolist() == ["cat/a.dcm", "cat/b.dcm", "dog/a.dcm", "dog/b.dcm"]
    assert set(rows["group"]) == {make_pseudonym("P-9", "pepper")}


def test_volumes_next_to_slices_are_samples_too(tmp_path: Path) -> None:
    write_series(tmp_path / "cat/c", PatientID="1")
    write_series(tmp_path / "dog/d", suffix="")
    for name in ("cat/c/b.nii.gz", "cat/c/e.mha", "dog/d/b.npy"):
        write_file(tmp_path / name)
    write_file(tmp_path / "dog/d/README", b"text")
    rows = source(tmp_path, labels="none").read().set_index("path")
    assert sorted(rows.index) == ["cat/c", "cat/c/b.nii.gz", "cat/c/e.mha", "dog/d", "dog/d/b.npy"]
    assert rows["refused"].dropna().to_dict() == {"cat/c/e.mha": "unsupported"}


def test_volumes_without_labels(made: Path) -> None:
    rows = source(made, labels="none").read().set_index("path")
    assert not rows["labels"].map(len).any()
    assert rows.loc["cat/p1/study/a", "attr_folder"] == "cat/p1/study"
    with pytest.raises(
        UserError, match=r"must hold at least two sub-folders of volumes, one per class; found \['p1'\]"
    ):
        source(made / "cat").read()


def test_a_folder_without_volumes(tmp_path: Path) -> None:
    write_file(tmp_path / "cat/a.png", b"x")
    with pytest.raises(UserError, match=r"holds no volume \(1 other files\); put NIfTI, MRC or NPY files"):
        source(tmp_path).read()


def test_a_folder_that_is_called_as_its_patient_stops_the_run(made: Path) -> None:
    (made / "dog/Grimaldi_1").mkdir()
    for name, data in series(voxels(), PatientName="GRIMALDI^X", PatientID="7").files:
        (made / "dog/Grimaldi_1" / name).write_bytes(data)
    with pytest.raises(
        UserError, match=r"the paths of 1 of 8 DICOM series hold the PatientName or the PatientID"
    ) as stop:
        source(made).read()
    assert "rimaldi" not in str(stop.value).lower()
    assert len(source(made, identities_in_paths="allow").read()) == 8


def text_of(folder: Path) -> str:
    """Everything that is written below a folder, tables also as text."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += [path.name, path.read_bytes().decode("latin-1")]
            if path.suffix == ".parquet":
                found.append(pd.read_parquet(path).to_csv())
    return "\n".join(found)


def test_no_word_of_a_header_is_written(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole stage, with a series that is refused among those that are read; patients as groups."""
    made = tmp_path / "made"
    for number in range(4):
        write_series(made / ["cat", "dog"][number % 2] / f"s{number}", seed=number, **PRIVATE)
    write_series(made / "dog/short", 9, PixelData=b"12", **PRIVATE)
    broken = next(iter(sorted((made / "dog/short").iterdir())))
    broken.write_bytes(broken.read_bytes()[:600])
    params = {
        "source": config.to_node(source(made)),
        "media": config.to_node(Volume()),
        "ingest": {"max_pixels": 10_000, "max_quarantine_fraction": 0.5},
    }
    config.PARAMS.write_text(yaml.safe_dump(params))
    lines = stage.main()
    manifest, quarantine = pd.read_parquet(artifacts.MANIFEST), pd.read_parquet(artifacts.QUARANTINE)
    assert len(manifest) == 4
    assert quarantine["path"].tolist() == ["dog/short"]
    assert set(manifest["group"]) == {make_pseudonym(PRIVATE["PatientID"], "pepper")}
    assert manifest["attr_manufacturer"].unique().tolist() == ["siemens"]
    everything = "\n".join([text_of(project), *lines, *capsys.readouterr()]).casefold()
    assert "siemens" in everything  # the search finds what is there
    words = {word for value in PRIVATE.values() for word in re.split(r"[\^ ]", value)} | set(PRIVATE.values())
    assert {word for word in words if word.casefold() in everything} == set()


def test_a_second_ingest_of_series_decodes_nothing_new(project: Path, made: Path) -> None:
    first, refused = ingest(source(made), 10_000)
    assert refused["path"].tolist() == ["dog/brain_13.mha"]
    assert first["media"].unique().tolist() == ["volume"]
    assert sorted(first["format"].unique()) == ["DICOM", "NIfTI"]


def test_init_recognises_it(made: Path, tmp_path: Path) -> None:
    ways = list(Volumes.recognise(list_files(made), {}))
    assert [(way.layout, way.confidence) for way in ways] == [("a folder of volumes per class", 0.55)]
    salts = {next(iter(Volumes.recognise(list_files(made), {}))).choices["salt"] for _ in range(2)}
    assert len(salts) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", salt) for salt in salts)
    built = Volumes(name="x", watch="x", **ways[0].choices)
    assert len(built.read()) == 7


def test_init_recognises_volumes_without_labels(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_file(tmp_path / f"Study{number}/scan.nii")
    (way,) = Volumes.recognise(list_files(tmp_path), {})
    assert (way.layout, way.choices["labels"], "salt" in way.choices) == ("volumes without labels", "none", True)
    assert way.notes == ["the folders 'Study1', 'Study2', 'Study3' differ in a number, so they are no labels"]
    for number in range(9):
        write_file(tmp_path / f"Study1/{number}.png")
    assert list(Volumes.recognise(list_files(tmp_path), {})) == []  # pictures, and a few volumes among them
