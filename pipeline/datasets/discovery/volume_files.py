"""Which files of a folder are volumes, and which folders are DICOM series."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, final

from pipeline.core.errors import ItemRejected
from pipeline.volumes import dicom
from pipeline.volumes.dicom_headers import is_dicom
from pipeline.volumes.formats import SUFFIXES, UNREAD, volume_suffix
from pipeline.volumes.patients import HEAD_BYTES, NOBODY, Identity, read_identity

FILE_SUFFIXES = SUFFIXES - frozenset(dicom.SUFFIXES)
MAGIC_BYTES = 132


@final
class FoundVolume(NamedTuple):
    """A sample that is a volume.

    Attributes:
        path: Of the file, or of the folder that is a series.
        identity: Of the person whose series it is.
        refused: Why it cannot be read, where the name shows it.
    """

    path: str
    identity: Identity = NOBODY
    refused: ItemRejected | None = None


def find_volumes(files: Iterable[str], head: Callable[[str, int], bytes]) -> list[FoundVolume]:
    """The volumes among files, in their order; of a series the place of its first file counts.

    A folder that directly holds DICOM files is one series; where its first file holds many frames, each file is one.
    DICOM files are known by their name, those without an ending or with a number as ending by their first bytes.

    Args:
        files: POSIX paths.
        head: Path and number to as many of the first bytes of a file.
    """
    together: dict[str, list[str]] = {}
    for path in files:
        together.setdefault(path.rpartition("/")[0], []).append(path)
    return [volume for folder, paths in together.items() for volume in _in_folder(folder, paths, head)]


def _in_folder(folder: str, paths: list[str], head: Callable[[str, int], bytes]) -> Iterable[FoundVolume]:
    slices = [path for path in paths if volume_suffix(path) in dicom.SUFFIXES]
    if not slices:
        bare = [path for path in paths if may_be_dicom(path)]
        slices = bare if bare and is_dicom(head(bare[0], MAGIC_BYTES)) else []
    if slices:
        yield from _series(folder, slices, head)
    for path in sorted(set(paths).difference(slices), key=paths.index):
        suffix = volume_suffix(path)
        if suffix in FILE_SUFFIXES:
            yield FoundVolume(path)
        elif suffix in UNREAD:
            yield FoundVolume(path, refused=ItemRejected("unsupported", f"{suffix} is not read; convert it to NIfTI"))


def _series(folder: str, slices: list[str], head: Callable[[str, int], bytes]) -> Iterable[FoundVolume]:
    first = _identity(slices[0], head)
    if not first.is_series_of_one and folder:
        yield FoundVolume(folder, first)
        return
    for path in slices:
        yield FoundVolume(path, _identity(path, head))


def _identity(path: str, head: Callable[[str, int], bytes]) -> Identity:
    try:
        return read_identity(head(path, HEAD_BYTES))
    except ItemRejected:  # ingest says so, with the reason
        return NOBODY


def may_be_dicom(path: str) -> bool:
    """Whether a name without an ending, or with a number as ending, may be that of a slice."""
    ending = volume_suffix(path)
    return path.rpartition("/")[2].lower() != dicom.INDEX and (not ending or ending[1:].isdigit())
