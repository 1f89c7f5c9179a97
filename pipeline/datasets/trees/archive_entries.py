"""Writes the entries of a zip or tar archive below a folder: no path leaves it, bytes are bounded, links are files."""

from __future__ import annotations

import os
import posixpath
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import IO, Literal, final

from pipeline.core import progress
from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources.items import Item, one_line, printable, relative
from pipeline.datasets.trees.bounded_streams import CHUNK, READ_FAULTS, Damaged, Stream, TooMuch, decompress
from pipeline.datasets.trees.entry_names import tar_name, zip_names
from pipeline.datasets.trees.unpacked_tree import Names

ALWAYS_ALLOWED = 64 * 1024**2
MAX_RATIO = 200  # of unpacked and packed bytes; uncompressed pictures reach about ten
Kind = Literal["file", "folder", "link", "device", "encrypted"]
ZIP_KINDS: dict[int, Kind] = {0: "file", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
REFUSED_KINDS: dict[Kind, str] = {
    "device": "neither a file, a folder nor a link (a device, a pipe or a socket)",
    "encrypted": "encrypted; unpack the archive with its password and give the folder",
}
MAX_LINK_BYTES = 4096  # of the path in a link of a zip
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
OTHER_ZIPS = (".xlsx", ".xlsm", ".ods", ".docx", ".npz", ".pt", ".pth")
ZIP_FAULTS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, Damaged, *READ_FAULTS)  # of one entry alone


@final
@dataclass(frozen=True)
class Bounds:
    """Largest number of bytes and entries that an archive may unpack to."""

    max_bytes: int
    max_entries: int

    @property
    def version(self) -> list[int]:
        return [2, self.max_bytes, self.max_entries]

    def bytes_of(self, archive_bytes: int) -> int:
        return min(self.max_bytes, max(ALWAYS_ALLOWED, MAX_RATIO * archive_bytes))


@final
@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry, as the archive describes it.

    Attributes:
        name: In the archive.
        kind: `file`, `folder`, `link`, or a kind that is refused.
        open: Opens its content.
        target: Of a link, relative to the archive.
        name_fault: The fault of its name; empty where there is none.
        faults: Errors of reading that refuse this entry and not the whole archive.
    """

    name: str
    kind: Kind
    open: Callable[[], IO[bytes]]
    target: Callable[[], str]
    name_fault: str
    faults: tuple[type[Exception], ...] = ()


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, or a tar, compressed or not, by its first bytes; spreadsheets and arrays are no zips."""
    if not path.is_file():  # to open a pipe would wait for ever
        return False
    try:
        with path.open("rb") as raw:
            if raw.read(4) in ZIP_STARTS:
                return path.suffix.lower() not in OTHER_ZIPS
        with decompress(path) as plain:
            tarfile.TarInfo.frombuf(plain.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (*READ_FAULTS, tarfile.HeaderError):
        return False
    return True


def unpack(path: Path, folder: Path, bounds: Bounds, names: str | None = None) -> list[Item]:
    """Writes the files of an archive below an empty folder.

    Args:
        path: The archive.
        folder: The empty folder.
        bounds: Of bytes and entries.
        names: The code page of its names, where it does not say; None: UTF-8, other names are refused.

    Returns:
        The entries that were refused, in the order of the archive, links last.

    Raises:
        UserError: It is no archive, is damaged, or is beyond the bounds.
    """
    allowed = bounds.bytes_of(path.stat().st_size)
    writer = _Writer(Names(folder), allowed)
    with refuse_unreadable(path):
        for entry in progress.track(list_entries(path, allowed, bounds, names), None, "unpack", "files"):
            writer.add(entry)
        writer.link()
    return writer.refused


@contextmanager
def refuse_unreadable(path: Path) -> Iterator[None]:
    """Turns what is wrong with a whole archive into one line.

    Raises:
        UserError: It is no archive, is damaged, or is beyond the bounds.
    """
    try:
        yield
    except TooMuch as error:
        raise UserError(
            f"{path} could fill the disk: {error}; if you trust it, raise the limit or unpack it yourself"
        ) from None
    except (Damaged, tarfile.TarError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"{path} is damaged, or no archive ({_line(error)}); download or copy it again") from None


class _Writer:
    """Writes entries below a folder; collects the refused ones, and links until their targets exist."""

    def __init__(self, names: Names, allowed: int):
        self.names, self.left, self.allowed = names, allowed, allowed
        self.links: list[tuple[str, str, str]] = []
        self.refused: list[Item] = []

    def add(self, entry: Entry) -> None:
        try:
            self._add(entry)
        except ItemRejected as refused:
            self._refuse(entry.name, refused)

    def _refuse(self, name: str, refused: ItemRejected) -> None:
        self.refused.append(
            Item(path=printable(name), refused=ItemRejected(refused.reason, f"entry: {refused.detail}"))
        )

    def _add(self, entry: Entry) -> None:
        if entry.name_fault:
            raise ItemRejected("bad_name", entry.name_fault)
        if entry.kind == "folder":
            if posixpath.normpath(entry.name) != ".":
                relative(self.names.root, entry.name)
            return  # made with its first file
        place = self.names.place(entry.name)
        if place is None:
            return
        if entry.kind in REFUSED_KINDS:
            raise ItemRejected("unreadable", REFUSED_KINDS[entry.kind])
        if entry.kind == "link":
            self.links.append((entry.name, place, relative(self.names.root, entry.target())))
        else:
            self._write(read_chunks(entry.open, entry.faults), self.names.root / place)

    def _write(self, chunks: Iterator[bytes], file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("xb") as out:
                for chunk in chunks:
                    self.left -= len(chunk)
                    if self.left < 0:
                        raise TooMuch(f"it unpacks to more than {self.allowed} bytes (source.max_bytes, or its size)")
                    out.write(chunk)
        except ItemRejected:
            file.unlink()
            raise

    def link(self) -> None:
        """Makes each link another name of the file it leads to, directly or through other links."""
        ends = _ends({place: target for _, place, target in self.links})
        files: dict[str, str] = {}  # a file that cannot have more names to its latest copy
        for name, place, target in self.links:
            end = ends[place]
            if end is None or not (self.names.root / end).is_file():
                self._refuse(name, ItemRejected("missing", f"a link to {target!r}, which is no file of the archive"))
                continue
            file, source = self.names.root / place, self.names.root / files.get(end, end)
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, file)
            except OSError:  # the file has as many names as it can have, or the disk has no links
                self._write(read_chunks(partial(FileIO, source)), file)
                files[end] = place


def _ends(targets: dict[str, str]) -> dict[str, str | None]:
    """The final target of each link, through any number of links; None where links form a circle."""
    ends: dict[str, str | None] = {}
    for place in targets:
        chain, here = [], place
        while here in targets and here not in ends:
            ends[here] = None
            chain.append(here)
            here = targets[here]
        end = ends[here] if here in targets else here
        ends.update(dict.fromkeys(chain, end))
    return ends


def read_chunks(open_content: Callable[[], IO[bytes]], faults: tuple[type[Exception], ...] = ()) -> Iterator[bytes]:
    """The content of an entry, a piece at a time.

    Raises:
        ItemRejected: One of `faults` occurs.
    """
    try:
        with open_content() as content:
            while chunk := content.read(CHUNK):
                yield chunk
    except faults as error:
        raise ItemRejected("truncated", _line(error)) from None


def list_entries(path: Path, allowed: int, bounds: Bounds, names: str | None) -> Iterator[Entry]:
    """The entries in the order of the archive; the content of one is read before the next one is listed.

    Raises:
        TooMuch: There are more than `max_entries`, or more than `allowed` bytes.
        Damaged: The bytes are damaged.
    """
    with path.open("rb") as raw:
        start = raw.read(4)
    entries = _of_zip(path, bounds, names) if start in ZIP_STARTS else _of_tar(path, allowed, names)
    for number, entry in enumerate(entries, start=1):
        if number > bounds.max_entries:
            raise TooMuch(f"it has more than source.max_entries {bounds.max_entries} entries")
        yield entry


def _of_zip(path: Path, bounds: Bounds, names: str | None) -> Iterator[Entry]:
    with path.open("rb") as raw, zipfile.ZipFile(Stream(raw, path.stat().st_size, 256 * bounds.max_entries)) as archive:
        entries = archive.infolist()
        for info, (name, fault) in zip(entries, zip_names(entries, names), strict=True):
            kind = ZIP_KINDS.get(stat.S_IFMT(info.external_attr >> 16), "device")
            kind = "folder" if name.endswith(("/", "\\")) else "encrypted" if info.flag_bits & 1 else kind
            yield Entry(
                name=name,
                kind=kind,
                open=partial(archive.open, info),
                target=partial(_zip_target, archive, info, name, names or "utf-8"),
                name_fault=fault,
                faults=ZIP_FAULTS,
            )


def _zip_target(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, encoding: str) -> str:
    if info.file_size > MAX_LINK_BYTES:
        raise ItemRejected("unreadable", f"a link of {info.file_size} bytes")
    raw = b"".join(read_chunks(partial(archive.open, info), ZIP_FAULTS))
    return posixpath.join(posixpath.dirname(name), raw.decode(encoding, errors="backslashreplace"))


def _of_tar(path: Path, allowed: int, names: str | None) -> Iterator[Entry]:
    with decompress(path) as plain:
        stream = Stream(plain, allowed, ALWAYS_ALLOWED)
        with tarfile.open(fileobj=stream, mode="r:", encoding=names or "utf-8") as archive:  # type: ignore[call-overload]
            while (member := archive.next()) is not None:
                archive.members.clear()  # it would keep them all
                name, fault = tar_name(member.name, names)
                yield Entry(
                    name=name,
                    kind=_tar_kind(member),
                    open=partial(archive.extractfile, member),
                    target=partial(_tar_target, member),
                    name_fault=fault,
                )
        if stream.last.strip(b"\0") or not stream.last:  # tarfile also takes a damaged header for the end
            raise Damaged("it does not end like a tar, so part of it is missing")
        while stream.read(CHUNK):  # the checksum of a compressed file is at its end
            pass


def _tar_kind(member: tarfile.TarInfo) -> Kind:
    if member.issym() or member.islnk():
        return "link"
    return "file" if member.isreg() else "folder" if member.isdir() else "device"


def _tar_target(member: tarfile.TarInfo) -> str:
    """Of a hard link relative to the archive, of a symbolic one to its folder."""
    return posixpath.join(posixpath.dirname(member.name) if member.issym() else "", member.linkname)


def _line(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__
