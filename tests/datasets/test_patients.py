"""Patients of DICOM series that a table names, and of series that people corrected."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feedback_examples import digest_of
from volume_examples import dicom_slice, series, voxels

from pipeline.core.errors import UserError
from pipeline.core.sample_codec import FileSet
from pipeline.datasets import ingestion, patients
from pipeline.datasets.ingestion import Limits, ingest_pictures
from pipeline.datasets.patients import PatientSigns, find_signs, refuse_patients
from pipeline.datasets.sources.table import Table
from pipeline.datasets.sources.volumes import Volumes
from pipeline.images.feedback_pictures import LABEL_COLUMNS, FeedbackPictures
from pipeline.media.reader import SampleReader
from pipeline.media.volume import Volume
from pipeline.volumes.patients import make_pseudonym

CODEC = Volume().codec({"max_pixels": 10_000})


def write(folder: Path, files: FileSet) -> None:
    folder.mkdir(parents=True)
    for name, data in files.files:
        (folder / name).write_bytes(data)


def of_patient(seed: int, **elements: Any) -> FileSet:
    return series(voxels(seed=seed), PatientName="Doe^John", **elements)


def table(folder: Path, names: list[str], **options: Any) -> Table:
    pd.DataFrame({"image": names, "label": ["cat", "dog"], "who": ["7", "7"]}).to_csv(
        folder / "labels.csv", index=False
    )
    columns = {"image_column": "image", "label_column": "label", "group_column": None, "split_column": None}
    plain = {"label_separator": None, "label_columns": None, "attribute_columns": []}
    places = {"path": str(folder / "labels.csv"), "pictures": str(folder), "watch": "x"}
    return Table(name="scans", **{**places, **columns, **plain, **options})


def ingested(source: Table) -> pd.DataFrame:
    return ingestion.ingest(SampleReader(source=source, codec=CODEC))[0]


def test_a_table_of_series_without_groups_stops_the_run(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        write(tmp_path / name, of_patient(seed, PatientID="ID-1"))
    with pytest.raises(
        UserError, match=r"source scans: 2 of 2 volumes are DICOM series of a patient without a group.*source=volumes"
    ):
        ingested(table(tmp_path, ["a", "b"]))
    assert ingested(table(tmp_path, ["a", "b"], group_column="who"))["group"].tolist() == ["7", "7"]


def test_a_table_whose_paths_name_a_patient_stops_the_run(tmp_path: Path) -> None:
    for seed, name in enumerate(["Doe_John", "b"]):
        write(tmp_path / name, of_patient(seed))
    with pytest.raises(UserError, match=r"the paths of 1 of 2 volumes hold the PatientName or the PatientID") as stop:
        ingested(table(tmp_path, ["Doe_John", "b"], group_column="who"))
    assert "john" not in str(stop.value).lower()


def test_series_of_nobody_and_what_is_not_there_pass(tmp_path: Path) -> None:
    write(tmp_path / "a", series(voxels()))
    source = table(tmp_path, ["a", "b"])
    items = pd.DataFrame({"path": ["a", "b", "../a"], "group": [None, None, None]})
    refuse_patients(source, items)


def zipped(where: Path | io.BytesIO, files: FileSet) -> None:
    with zipfile.ZipFile(where, "w") as archive:
        for name, data in files.files:
            archive.writestr(name, data)


def test_little_is_read_of_each_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patients, "HEAD_BYTES", 1500)
    large = dicom_slice(voxels((1, 64, 64))[0], (0, 0, 0), "1.2", PatientID="ID-7", PatientName="Doe^John")
    assert len(large) > 8000
    (tmp_path / "john").mkdir()
    (tmp_path / "john" / "0.txt").write_bytes(b"t" * 9000)
    (tmp_path / "john" / "1.dcm").write_bytes(large)
    zipped(tmp_path / "a.zip", FileSet(files=(("0.txt", b"t" * 9000), ("1.dcm", large))))
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04")
    read: list[int] = []
    seen = patients._head_of_stream
    monkeypatch.setattr(patients, "_head_of_stream", lambda opened: (seen(opened), read.append(opened.tell()))[0])
    source = table(tmp_path, ["john", "a.zip"])
    assert find_signs(source, "john") == PatientSigns(is_named=True, is_known=True)
    assert find_signs(source, "a.zip") == PatientSigns(is_named=False, is_known=True)
    assert find_signs(source, "b.zip") == find_signs(source, "none") == PatientSigns(is_named=False, is_known=False)
    assert read == [132, 1500, 132, 1500]


def test_a_corrected_series_has_the_group_of_its_patient(project: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for seed, name in enumerate(["cat/s", "dog/s"]):
        write(made / name, of_patient(seed, PatientID=f"ID-{seed}"))
    sent = io.BytesIO()
    zipped(sent, of_patient(9, PatientID="ID-0"))
    source = Volumes(name="scans", path=str(made), watch="x", salt="pepper")
    folder = Path(FeedbackPictures.of("scans", tmp_path / "feedback").watch)
    image = f"pictures/{digest_of(sent.getvalue())}.zip"
    (folder / "pictures").mkdir(parents=True)
    (folder / image).write_bytes(sent.getvalue())
    row = dict.fromkeys(LABEL_COLUMNS, "x") | {"image": image, "label": "dog"}
    pd.DataFrame([row]).to_csv(folder / "labels.csv", index=False)
    limits = Limits(max_pixels=10_000, max_quarantine_fraction=1.0, cache=False)
    manifest, _ = ingest_pictures(source, limits, Volume(), tmp_path / "feedback")
    groups = [make_pseudonym(f"ID-{number}", "pepper") for number in (0, 1, 0)]
    assert manifest["group"].tolist() == groups
    assert manifest["attr_origin"].tolist() == ["source", "source", "feedback"]
