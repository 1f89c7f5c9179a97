"""The samples that somebody wants to add: files and folders of this machine, or bytes that were sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import MAX_NAME_BYTES, read_sample
from pipeline.core.sample_codec import FileSet, GreyRange, SampleMeasurements, noun_of
from pipeline.datasets.discovery.folder_contents import tree_below
from pipeline.datasets.discovery.sample_suffixes import suffix
from pipeline.datasets.discovery.volume_files import find_volumes
from pipeline.datasets.sources.class_folders import ClassFolders
from pipeline.datasets.sources.volumes import Volumes
from pipeline.serving.feedback_export import SUFFIXES as STARTS

if TYPE_CHECKING:
    from pipeline.core.sample_codec import SampleCodec
    from pipeline.labelling.additions.sample_target import SampleTarget

UNSAFE = re.compile(r'[/\\:<>"|?*]')  # what some system takes in no name of a file
AROUND = "around/"  # stands for the folder that holds the one that a person named
LONGEST = MAX_NAME_BYTES - 60  # bytes of a name, so that a digest and a temporary name have room


@final
@dataclass(frozen=True, kw_only=True)
class NewSample:
    """One sample.

    Attributes:
        name: Of the file or folder, as a person knows it.
        folders: Around it, below what the person named, as a POSIX path; empty for none.
        data: Encoded, or where it is.
    """

    name: str
    folders: str = ""
    data: bytes | Path

    @property
    def display_name(self) -> str:
        """For messages."""
        return f"{self.folders}/{self.name}" if self.folders else self.name

    def read(self) -> bytes | FileSet:
        """The bytes.

        Raises:
            ItemRejected: As `read_sample`.
        """
        return self.data if isinstance(self.data, bytes) else read_sample(self.data.parent, self.data.name)


@final
@dataclass(frozen=True, kw_only=True)
class Looked:
    """What is known of a new sample that can be read.

    Attributes:
        digest: Of its bytes.
        measured: None for a picture of more than 8 bits whose grey scale is not known before a run.
    """

    digest: str
    measured: SampleMeasurements | None


def find_new(paths: Iterable[str | Path], target: SampleTarget) -> Iterator[NewSample]:
    """The samples of files and folders; of a folder those that the source would read, hidden ones not.

    Raises:
        UserError: A path does not exist, or a folder holds no sample.
    """
    for given in paths:
        path = Path(given).expanduser()
        if path.is_file():
            yield NewSample(name=path.name, data=path)
        elif path.is_dir():
            found = list(_below(path, target))
            if not found:
                raise UserError(f"{str(given)!r} holds no {noun_of(target.media)} that the source reads")
            yield from found
        else:
            raise UserError(f"{str(given)!r} does not exist")


def _below(root: Path, target: SampleTarget) -> Iterator[NewSample]:
    # a folder may itself be one sample: the frames of a clip, the slices of a series
    files, folders = tree_below(root)
    around = root.resolve().parent
    prefix = f"{AROUND}{root.resolve().name}/"
    paths = [prefix + path for path in files]
    if isinstance(target.source, Volumes):
        found = [one.path for one in find_volumes(paths, partial(_head, around))]
    elif isinstance(target.source, ClassFolders):
        found = sorted(target.source.arrange(paths, [prefix + one for one in folders]).samples)
    else:
        found = [path for path in paths if suffix(path) in target.suffixes]
    for path in found:
        folder, _, name = path.rpartition("/")
        yield NewSample(name=name, folders=folder[len(prefix) :], data=around / path.removeprefix(AROUND))


def _head(root: Path, path: str, size: int) -> bytes:
    try:
        with (root / path.removeprefix(AROUND)).open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def look(codec: SampleCodec, sample: NewSample) -> Looked | ItemRejected:
    """Decodes a sample, as `ingest` would; its rejection where it cannot be read."""
    try:
        data = sample.read()
        measured = codec.examine(data)
    except ItemRejected as refused:
        return refused
    return Looked(digest=digest_of(data), measured=None if isinstance(measured, GreyRange) else measured)


def digest_of(data: bytes | FileSet) -> str:
    """SHA-256 of a sample's bytes, as hexadecimal digits."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    state = hashlib.sha256()
    for name, content in data.files:
        state.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        state.update(content)
    return state.hexdigest()


def with_safe_name(sample: NewSample, suffixes: frozenset[str]) -> NewSample:
    """The sample with a name that every system takes, and an ending by which the source reads it.

    Raises:
        ItemRejected: `unsupported`: neither the name nor the first bytes say what it is; or `bad_name`.
    """
    if any(part.startswith(".") for part in sample.folders.split("/")) or not sample.folders.isprintable():
        raise ItemRejected("bad_name", "a folder around it is hidden, or has a name that cannot be shown")
    plain = UNSAFE.sub("_", sample.name.replace("\\", "/").rpartition("/")[2])
    plain = "".join(one if one.isprintable() else "_" for one in plain).strip(". ")
    is_folder = isinstance(sample.data, Path) and sample.data.is_dir()
    ending = "" if is_folder else suffix(plain)
    if not is_folder and ending not in suffixes:
        ending = _ending(sample)
        if ending not in suffixes:
            raise ItemRejected("unsupported", "its name has no ending of a sample, and its first bytes no known form")
        plain = f"{plain or 'sample'}{ending}"
    stem = plain[: len(plain) - len(ending)] if ending else plain
    while len((stem + ending).encode()) > LONGEST:
        stem = stem[:-1]
    return replace(sample, name=(stem or "sample") + ending)


def _ending(sample: NewSample) -> str:
    try:
        data = sample.read()
    except ItemRejected:
        return ""
    start = data[:16] if isinstance(data, bytes) else b""
    return next((ending for pattern, ending in STARTS if re.match(pattern, start, re.DOTALL)), "")
