"""The arrays of a .npz: a zip of .npy files, of which some are unpacked once to plain files that are read in parts."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, final

import numpy as np
from numpy.lib import format as npy

from pipeline.core import artifacts, progress
from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.bounded_streams import CHUNK, READ_FAULTS, Damaged, Stream, TooMuch

MAX_DIRECTORY_BYTES = 16 * 1024**2  # of the table of a zip
MAX_HEADER_BYTES = 10_000  # of an array, as numpy itself has it
SUFFIX = ".npy"
KINDS = "biuf"  # numpy's codes of truth values and numbers
FAULTS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, Damaged, TooMuch, *READ_FAULTS)


@final
@dataclass(frozen=True)
class ArrayHeader:
    """What the first bytes of an array say.

    Attributes:
        shape: Of the whole array.
        dtype: Of its numbers or texts; an `object` array holds pickles, which could run code.
        by_columns: Whether the first axis varies fastest in the file (Fortran order).
        offset: Length of the header in bytes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool
    offset: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def find_problem(self) -> str:
        """Why the array is not read, as a clause; empty where it is."""
        if self.dtype.hasobject:
            return "holds Python objects, which could run code when they are read; save it as numbers"
        if self.dtype.kind not in KINDS + "U":
            return f"has the type {self.dtype}; expected numbers, or texts as labels"
        return "is in Fortran order; save np.ascontiguousarray of it" if self.by_columns else ""


@final
@dataclass(frozen=True)
class StoredArray:
    """An array in a plain .npy file.

    Attributes:
        path: Of the file.
        header: Its shape and type.
    """

    path: Path
    header: ArrayHeader

    def part(self, first: int, number: int) -> np.ndarray:
        """(number, ...) of its rows, from `first` on.

        Raises:
            ItemRejected: The file has vanished or shrunk since its header was read.
        """
        shape, dtype = self.header.shape[1:], self.header.dtype
        size = math.prod(shape)
        try:  # a memory map would end the process with a bus error if the file has shrunk
            with self.path.open("rb") as file:
                file.seek(self.header.offset + first * size * dtype.itemsize)
                data = file.read(number * size * dtype.itemsize)
        except OSError as error:
            raise ItemRejected("missing", f"{self.path} cannot be read any more: {error.strerror}") from None
        if len(data) < number * size * dtype.itemsize:
            raise ItemRejected("truncated", f"{self.path} has become shorter")
        return np.frombuffer(data, dtype).reshape(number, *shape).copy()


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """The name of each array to its header; nothing else is decompressed.

    Raises:
        UserError: It is no .npz, or damaged.
    """
    found = {}
    with _open_archive(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(SUFFIX):
                with archive.open(entry) as file:
                    found[entry.filename.removesuffix(SUFFIX)] = read_header(file)
    return found


def read_header(file: IO[bytes]) -> ArrayHeader:
    """The header of a .npy file, which is then read up to its first number.

    Raises:
        ValueError: It has none.
    """
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of version {version}")
    shape, by_columns, dtype = readers[version](file, max_header_size=MAX_HEADER_BYTES)
    if any(length < 0 for length in shape):
        raise ValueError(f"an array of shape {shape}")
    return ArrayHeader(shape, dtype, by_columns and len(shape) > 1, file.tell())


def unpack_arrays(path: Path, tree: Path, names: Collection[str], max_bytes: int) -> dict[str, StoredArray]:
    """The named arrays as plain files in a folder; they are written once, and again only when the .npz has changed.

    Args:
        path: The .npz.
        tree: The folder, which this function alone makes and replaces.
        names: Of arrays that `read_headers` finds, without a problem.
        max_bytes: Largest size of all of them together, unpacked.

    Raises:
        UserError: The .npz is damaged, or holds more than `max_bytes` or than a header says.
    """
    status = path.stat()
    change = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    stamp = [str(path), *change, *sorted(names)]
    with unpacked_tree.lock_tree(tree):
        if unpacked_tree.read_record(tree)[0] != stamp:
            with artifacts.atomic_write(tree) as temporary:
                temporary.mkdir()
                _write_arrays(path, temporary, names, max_bytes)
                unpacked_tree.write_record(temporary, stamp, [])
    found = {}
    for name in names:
        with (tree / f"{name}{SUFFIX}").open("rb") as file:
            found[name] = StoredArray(tree / f"{name}{SUFFIX}", read_header(file))
    return found


def _write_arrays(path: Path, folder: Path, names: Collection[str], max_bytes: int) -> None:
    headers = read_headers(path)
    total = sum(headers[name].nbytes for name in names)
    if total > max_bytes:
        raise UserError(
            f"source.path {str(path)!r} unpacks to {total:,} bytes, at most {max_bytes:,} are unpacked; if you trust "
            "it, raise source.max_bytes"
        )
    with _open_archive(path) as archive, progress.show(f"unpack {path.name}", total, "bytes") as bar:
        for name in sorted(names):
            size, written = headers[name].offset + headers[name].nbytes, 0
            with archive.open(f"{name}{SUFFIX}") as packed, (folder / f"{name}{SUFFIX}").open("wb") as file:
                while written <= size and (block := packed.read(min(CHUNK, size + 1 - written))):
                    file.write(block)
                    written += len(block)
                    if bar is not None:
                        bar.advance(len(block))
            if written != size:
                side = "more" if written > size else "fewer"
                raise UserError(
                    f"source.path {str(path)!r}: {name} has {side} bytes than its shape {headers[name].shape} needs; "
                    "copy or save the file again"
                )


@contextmanager
def _open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with path.open("rb") as raw:
            size = path.stat().st_size
            with zipfile.ZipFile(Stream(raw, size + CHUNK, MAX_DIRECTORY_BYTES)) as archive:
                yield archive
    except FileNotFoundError:
        raise UserError(f"source.path {str(path)!r} does not exist; set it to a .npz file") from None
    except FAULTS as error:
        raise UserError(
            f"source.path {str(path)!r} is damaged, or no .npz ({str(error) or type(error).__name__}); copy or save "
            "it again"
        ) from None
