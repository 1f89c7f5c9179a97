"""What a page was computed from: digests of its inputs, which say later whether these are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.core import artifacts


def digest_inputs(paths: Iterable[Path]) -> dict[str, str]:
    """Path to the digest of a file, or of all files of a folder; empty where it does not exist.

    Args:
        paths: In the project.
    """
    return {path.as_posix(): _digest(path) for path in paths}


def changed_inputs(recorded: Mapping[str, str]) -> list[str]:
    """The inputs that are not what they were, in the recorded order.

    Args:
        recorded: Of `digest_inputs`.
    """
    return [name for name, digest in recorded.items() if _digest(Path(name)) != digest]


def _digest(path: Path) -> str:
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
        names = [one.relative_to(path).as_posix().encode() for one in files]
        contents = [_digest_file(one).encode() for one in files]
        return artifacts.content_digest(*(part for both in zip(names, contents, strict=True) for part in both))
    return _digest_file(path) if path.is_file() else ""


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:  # read in chunks
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
