"""Patients of DICOM series outside `source=volumes`: never named in a path, and never without a group."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.sources.tree_source import TreeSource
from pipeline.datasets.sources.volumes import Volumes
from pipeline.volumes.dicom_headers import is_dicom
from pipeline.volumes.formats import ZIP_SUFFIX
from pipeline.volumes.patients import HEAD_BYTES, NOBODY, Identity, read_identity


def refuse_patients(source: Source, items: pd.DataFrame) -> None:
    """Stops the run where paths hold what DICOM files say of a person, or series of a known patient have no group.

    `source=volumes` has looked itself, and its options say what is wanted.

    Args:
        source: Of volumes.
        items: As it returns them.

    Raises:
        UserError: One of these is the case.
    """
    if isinstance(_innermost(source), Volumes):
        return
    found = [_identity(source, path) for path in items["path"]]
    named = sum(identity.is_in(path) for identity, path in zip(found, items["path"], strict=True))
    if named:
        raise UserError(
            f"source {source.name}: the paths of {named:,} of {len(items):,} volumes hold the PatientName or the "
            "PatientID of their files, and paths are in the manifest and on pages; rename them, or read them with "
            "source=volumes, where source.identities_in_paths=allow takes such names"
        )
    alone = sum(
        bool(identity.patient_id) and pd.isna(group) for identity, group in zip(found, items["group"], strict=True)
    )
    if alone:
        raise UserError(
            f"source {source.name}: {alone:,} of {len(items):,} volumes are DICOM series of a patient without a group, "
            "so series of one patient could be in train and in test; name a group (source.group_column of a table), "
            "or read them with source=volumes, which groups them by a hash of PatientID"
        )


def add_patients(source: Source, feedback: pd.DataFrame, pictures: Source) -> pd.DataFrame:
    """Feedback with the group that `source=volumes` gives to series of the same patient; unchanged for other sources.

    Args:
        source: Of volumes.
        feedback: As `pictures` returns it.
        pictures: The feedback.

    Raises:
        UserError: `source.salt` is empty.
    """
    inner = _innermost(source)
    if not isinstance(inner, Volumes) or inner.group != "patient":
        return feedback
    groups = [
        inner.group_of(_identity(pictures, path)) if pd.isna(refused) else None
        for path, refused in zip(feedback["path"], feedback["refused"], strict=True)
    ]
    return feedback.assign(group=pd.Series(groups, index=feedback.index, dtype=object))


def _innermost(source: Source) -> Source:
    while isinstance(source, TreeSource):
        source = source.inner
    return source


def _identity(source: Source, path: str) -> Identity:
    """Of the first DICOM file of a sample; `NOBODY` where there is none, or it cannot be read."""
    try:
        return read_identity(_head(source, path))
    except ItemRejected:  # ingest says so, with the reason
        return NOBODY


def _head(source: Source, path: str) -> bytes:
    """The first bytes of a file that is DICOM, or of the first such file of a folder or a zip; else none."""
    file = source.file_of(path)
    if file is None or file.suffix == ZIP_SUFFIX:
        data = source.open(path)
        contents = [one for _, one in data.files] if isinstance(data, FileSet) else [data]
        return next((one[:HEAD_BYTES] for one in contents if isinstance(one, bytes) and is_dicom(one)), b"")
    if source.stat(path) is None:  # not there, outside, or no ordinary file
        return b""
    files = sorted(file.iterdir()) if file.is_dir() else [file]
    return next((head for one in files if one.is_file() and is_dicom(head := _start(one))), b"")


def _start(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(HEAD_BYTES)
    except OSError:
        return b""
