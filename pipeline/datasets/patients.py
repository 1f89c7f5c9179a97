"""Patients of DICOM series outside `source=volumes`: never named in a path, and never without a group."""

from __future__ import annotations

import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, final

import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.parallel import parallel_map
from pipeline.core.safe_files import MAX_FILE_BYTES, MAX_FOLDER_FILES
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.sources.tree_source import TreeSource
from pipeline.datasets.sources.volumes import Volumes
from pipeline.volumes.dicom_headers import MAGIC, PREAMBLE, is_dicom
from pipeline.volumes.formats import ZIP_SUFFIX
from pipeline.volumes.patients import HEAD_BYTES, NOBODY, Identity, read_identity


@final
class PatientSigns(NamedTuple):
    """What a sample says of a person, without the person.

    Attributes:
        is_named: Whether its path repeats the PatientName or the PatientID of its file.
        is_known: Whether its file gives a PatientID.
    """

    is_named: bool
    is_known: bool


def refuse_patients(source: Source, items: pd.DataFrame) -> None:
    """Stops the run where paths hold what DICOM files say of a person, or series of a known patient have no group.

    `source=volumes` has looked itself, and its options say what is wanted. Of each file at most 1 MiB is read.

    Args:
        source: Of volumes.
        items: As it returns them.

    Raises:
        UserError: One of these is the case.
    """
    if isinstance(_innermost(source), Volumes):
        return
    look = partial(find_signs, source)
    found = list(parallel_map(look, items["path"], len(items), "patients", killed=_no_signs))
    named = sum(signs.is_named for signs in found)
    if named:
        raise UserError(
            f"source {source.name}: the paths of {named:,} of {len(items):,} volumes hold the PatientName or the "
            "PatientID of their files, and paths are in the manifest and on pages; rename them, or read them with "
            "source=volumes, where source.identities_in_paths=allow takes such names"
        )
    alone = sum(signs.is_known and pd.isna(group) for signs, group in zip(found, items["group"], strict=True))
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


def find_signs(source: Source, path: str) -> PatientSigns:
    """Of one sample; the identity itself stays in the process that reads it."""
    identity = _identity(source, path)
    return PatientSigns(is_named=identity.is_in(path), is_known=bool(identity.patient_id))


def _no_signs(path: str) -> PatientSigns:
    return PatientSigns(is_named=False, is_known=False)


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
    if file is None:
        data = source.open(path)
        contents = [one for _, one in data.files] if isinstance(data, FileSet) else [data]
        return next((one[:HEAD_BYTES] for one in contents if isinstance(one, bytes) and is_dicom(one)), b"")
    if source.stat(path) is None:  # not there, outside, or no ordinary file
        return b""
    if file.suffix.lower() == ZIP_SUFFIX and file.is_file():
        return _head_in_zip(file)
    files = sorted(file.iterdir()) if file.is_dir() else [file]
    return next((head for one in files if one.is_file() and (head := _head_of_file(one))), b"")


def _head_of_file(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return _head_of_stream(opened)
    except OSError:
        return b""


def _head_in_zip(file: Path) -> bytes:
    """Of the first DICOM file by name in a zip that a reader of volumes would take."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            return b""
        with zipfile.ZipFile(file) as archive:
            names = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
            for name in names[:MAX_FOLDER_FILES]:
                with archive.open(name) as opened:
                    if head := _head_of_stream(opened):
                        return head
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, OSError):
        pass  # ingest says so, with the reason
    return b""


def _head_of_stream(opened: IO[bytes]) -> bytes:
    """Up to `HEAD_BYTES` of a DICOM file; of another file no more than shows that it is none, and nothing."""
    start = opened.read(PREAMBLE + len(MAGIC))
    return start + opened.read(HEAD_BYTES - len(start)) if is_dicom(start) else b""
