"""Clips and frames between two processes: a line of JSON, then the bytes that it counts. Nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO

import numpy as np

from pipeline.core.open_types import JsonObject
from pipeline.core.sample_codec import FileSet


def write_message(stream: IO[bytes], content: JsonObject, parts: Sequence[bytes | memoryview]) -> None:
    """Writes what `read_message` reads."""
    stream.write(json.dumps({**content, "lengths": [len(part) for part in parts]}).encode() + b"\n")
    for part in parts:
        stream.write(part)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[JsonObject, list[bytearray]]:
    """The next content and its parts.

    Raises:
        EOFError: The other process has ended.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    content: JsonObject = json.loads(line)
    return content, [_read_part(stream, length) for length in content["lengths"]]


def _read_part(stream: IO[bytes], length: int) -> bytearray:
    part = bytearray(length)
    view, place = memoryview(part), 0
    while place < length:
        number = stream.readinto(view[place:])  # type: ignore[attr-defined]
        if not number:
            raise EOFError
        place += number
    return part


def pack(data: bytes | np.ndarray | FileSet) -> tuple[JsonObject, list[bytes | memoryview]]:
    """A clip as a content and parts."""
    if isinstance(data, FileSet):
        return {"names": [name for name, _ in data.files]}, [content for _, content in data.files]
    if isinstance(data, np.ndarray):
        return {"shape": list(data.shape)}, [as_part(data)]
    return {}, [data]


def unpack(content: JsonObject, parts: Sequence[bytearray]) -> bytes | np.ndarray | FileSet:
    """The clip that `pack` packed."""
    if "names" in content:
        return FileSet(files=tuple(zip(content["names"], map(bytes, parts), strict=True)))
    if "shape" in content:
        return as_array(parts[0], content["shape"])
    return bytes(parts[0])


def as_part(array: np.ndarray) -> memoryview:
    return np.ascontiguousarray(array, dtype=np.uint8).reshape(-1).data


def as_array(part: bytearray, shape: Sequence[int]) -> np.ndarray:
    """(*shape) uint8 of a part."""
    return np.frombuffer(part, dtype=np.uint8).reshape(shape)
