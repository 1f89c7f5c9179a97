"""The IDX files of MNIST and its kin: one file of pictures, one of labels, plain or .gz."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import MAX_FILE_BYTES, stat_file
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import PICTURE_SUFFIXES
from pipeline.datasets.sources.items import Item, table

UNSIGNED_BYTE = 0x08  # the type code of the format; pictures and labels have no other


@final
@dataclass(frozen=True, kw_only=True)
class Idx(Source, FormatDetector):
    """The name of picture n is its number; its label is the n-th byte of the other file.

    Plain files are read picture by picture; a .gz is unpacked in memory and may hold up to 512 MiB.

    Args:
        name: Of the data set, in MLflow and on the page.
        images: File of (N, H, W) or (N, H, W, 3) bytes, for example train-images-idx3-ubyte.gz.
        labels: File of (N,) bytes, for example train-labels-idx1-ubyte.gz.
        watch: What DVC hashes to notice a change; a folder that holds both.

    Source: LeCun et al. 1998, doi:10.1109/5.726791; format at yann.lecun.com/exdb/mnist.
    """

    locations: ClassVar[tuple[str, ...]] = ("images", "labels", "watch")

    name: str
    images: str
    labels: str
    watch: str | list[str]

    def read(self) -> pd.DataFrame:
        images = _load(self.images, "images")
        labels = _load(self.labels, "labels")
        num_images, num_labels = images.shape[0], labels.shape[0]
        if num_images != num_labels:
            raise UserError(
                f"source.images {self.images!r} has {num_images} pictures and source.labels {self.labels!r} "
                f"{num_labels} labels; expected equal numbers, so take both files of the same part"
            )
        digits = len(str(num_images - 1))
        numbers = labels.part(0, num_labels).tolist()
        return table(Item(path=f"{row:0{digits}d}", labels=[str(label)]) for row, label in enumerate(numbers))

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_file(Path(self.images).parent, Path(self.images).name)

    def open(self, path: str) -> np.ndarray:
        images = _load(self.images, "images")
        if not (path.isascii() and path.isdigit() and int(path) < images.shape[0]):
            raise ItemRejected("missing", f"{self.images} has {images.shape[0]} pictures")
        return images.part(int(path), 1)[0]

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        whole = replace(place, named=None)
        lengths = {
            path: length for path in whole.documents(_may_be_idx) if (length := _num_labels(whole, path)) is not None
        }
        for images in place.documents(_may_be_idx):
            shape = _shape(place, images, "images")
            if shape is None:
                continue
            fitting = [path for path, length in lengths.items() if length == shape[0]]
            labels = max(fitting, key=lambda path: (SequenceMatcher(a=path, b=images).ratio(), path), default="")
            yield FormatMatch(
                layout=f"IDX, {shape[0]:,} pictures in {images}" + (f", labels in {labels}" if labels else ""),
                choices={"images": place.at(images), "labels": place.at(labels)},
                confidence=1,
                missing=""
                if labels
                else f"no IDX file with {shape[0]:,} labels is in the folder of {images}; put it there",
            )


def _may_be_idx(suffix: str) -> bool:
    return suffix not in PICTURE_SUFFIXES


def _num_labels(place: FileListing, path: str) -> int | None:
    shape = _shape(place, path, "labels")
    return None if shape is None else shape[0]


def _shape(place: FileListing, path: str, parameter: str) -> tuple[int, ...] | None:
    """The shape in the header of a file; None where it is no such IDX file."""
    data = place.head(path, 4096)
    try:
        file = gzip.GzipFile(fileobj=BytesIO(data)) if data[:2] == b"\x1f\x8b" else BytesIO(data)
        return _header(file, parameter, path)[0]
    except (UserError, OSError, EOFError, zlib.error):
        return None


@final
@dataclass(frozen=True)
class Loaded:
    """An IDX file whose header was read.

    Attributes:
        path: Of the file.
        shape: Of the whole array; the first number counts pictures or labels.
        offset: Length of the header.
        unpacked: The content of a .gz; None for a plain file, which is read part by part.
    """

    path: Path
    shape: tuple[int, ...]
    offset: int
    unpacked: np.ndarray | None

    def part(self, first: int, number: int) -> np.ndarray:
        """`number` pictures or labels from `first` on, (number, ...) uint8.

        Raises:
            ItemRejected: A plain file has vanished or shrunk since its header was read.
        """
        if self.unpacked is not None:
            return np.array(self.unpacked[first : first + number])
        size = math.prod(self.shape[1:])
        try:  # a memory map would end the process with a bus error if the file has shrunk
            data = np.fromfile(self.path, np.uint8, count=number * size, offset=self.offset + first * size)
        except OSError as error:
            raise ItemRejected("missing", f"{self.path} cannot be read any more: {error.strerror}") from None
        if data.size < number * size:
            raise ItemRejected("truncated", f"{self.path} has become shorter")
        return data.reshape(number, *self.shape[1:])


@lru_cache(maxsize=4)
def _load(name: str, parameter: str) -> Loaded:
    """An IDX file; cached, since `open` is called for each picture.

    Raises:
        UserError: It does not exist, is no IDX file, or has another length than its header says.
    """
    path = Path(name)
    where = f"source.{parameter} {name!r}"
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            shape, offset = _header(file, parameter, where)
            size = math.prod(shape)
            if not packed:
                _check_length(path.stat().st_size - offset, size, where)
                return Loaded(path, shape, offset, None)
            if size > MAX_FILE_BYTES:
                raise UserError(f"{where} unpacks to {size} bytes, at most {MAX_FILE_BYTES} are read; unpack the file")
            data = file.read(size + 1)
            _check_length(len(data), size, where)
            return Loaded(path, shape, offset, np.frombuffer(data, dtype=np.uint8).reshape(shape))
    except FileNotFoundError:
        raise UserError(f"{where} does not exist; set it to an IDX file") from None
    except EOFError:
        raise UserError(f"{where} ends early; download it again") from None
    except (OSError, zlib.error) as error:
        raise UserError(f"{where} cannot be read ({error}); download it again") from None


def _header(file: BinaryIO | gzip.GzipFile, parameter: str, where: str) -> tuple[tuple[int, ...], int]:
    """The shape that the header gives, and the length of the header in bytes."""
    magic = file.read(4)
    accepted = (1,) if parameter == "labels" else (3, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UNSIGNED_BYTE or magic[3] not in accepted:
        expected = " or ".join(f"0x{UNSIGNED_BYTE << 8 | one:08x}" for one in accepted)
        raise UserError(f"{where} is no IDX file of {parameter}: it starts with 0x{magic.hex()}, expected {expected}")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise UserError(f"{where} ends within its header; download it again")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if not all(shape) or (len(shape) == 4 and shape[3] != 3):
        raise UserError(f"{where} holds an array of {shape}; expected at least one picture, grey or with 3 channels")
    return shape, 4 + len(sizes)


def _check_length(found: int, expected: int, where: str) -> None:
    if found < expected:
        raise UserError(f"{where} ends early: {found} of {expected} bytes after its header; download it again")
    if found > expected:
        raise UserError(f"{where} has more than the {expected} bytes that its header gives; download it again")
