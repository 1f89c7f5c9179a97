"""The files and folders of samples that paths, folders and patterns name, in a fixed order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import NoReturn, final

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import read_sample
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.discovery.file_walk import walk
from pipeline.prediction.sample_names import PICTURES, SampleNames


@final
@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """Files to classify, and folders that are one sample.

    Attributes:
        paths: Each once, as the person named them: in the order of the names, within a folder in the order of `walk`.
        left_out: Files of the folders whose suffix is not that of a sample, in the same order.
    """

    paths: tuple[str, ...]
    left_out: tuple[str, ...]


def list_pictures(names: Sequence[str], samples: SampleNames = PICTURES) -> PictureFiles:
    """The files that names of files, folders (with their sub-folders) and patterns (`*`, `?`, `[...]`, `**`) stand for.

    Below a folder hidden files and files of programs are skipped, and those with the suffix of something else than a
    sample are left out. A file that is named, by itself or by a pattern, is always taken.

    Args:
        names: As a person gives them.
        samples: Of the model.

    Raises:
        UserError: A name does not exist, a pattern matches nothing, a folder cannot be listed, or there is no file.
    """
    found = find_pictures(names, samples)
    if not found.paths:
        others = f" ({len(found.left_out):,} other files)" if found.left_out else ""
        raise UserError(
            f"{', '.join(map(repr, names))}: no {samples.noun} in there{others}; "
            f"name a folder that holds {samples.noun}s"
        )
    return found


def find_pictures(names: Sequence[str], samples: SampleNames = PICTURES) -> PictureFiles:
    """As `list_pictures`; there may be no file.

    Raises:
        UserError: A name does not exist, a pattern matches nothing, or a folder cannot be listed.
    """
    found: dict[str, None] = {}
    left_out: dict[str, None] = {}
    for name in names:
        for path in _expand(os.path.expanduser(name)):  # noqa: PTH111 - keeps a pattern as it was typed
            if not path.is_dir():
                found[str(path)] = None
                continue
            files = _files_below(path)
            sample_of = samples.find(files, partial(_head, path))
            for file in files:
                (found if file in sample_of else left_out)[str(path / sample_of.get(file, file))] = None
    return PictureFiles(paths=tuple(found), left_out=tuple(one for one in left_out if one not in found))


def check_names(names: Sequence[str]) -> None:
    """Refuses names of files, folders and patterns that stand for nothing; a list and an address are passed over.

    Raises:
        UserError: A name does not exist, or a pattern matches nothing.
    """
    for name in names:
        if name != "-" and "://" not in name:
            next(_expand(os.path.expanduser(name)), None)  # noqa: PTH111 - as above


def read_file(path: str) -> bytes | FileSet:
    """The bytes of a file, or the files of a folder.

    Raises:
        ItemRejected: It is not there, is no ordinary file, is larger than 512 MiB, or cannot be read.
    """
    folder, name = os.path.split(path)
    if not name:
        raise ItemRejected("unreadable", "not an ordinary file")
    return read_sample(Path(folder or "."), name)


def _expand(name: str) -> Iterator[Path]:
    if os.path.lexists(name):
        yield Path(name)
    elif glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not matches:
            raise UserError(f"{name!r}: no file matches this pattern; check it, or name the folder")
        yield from map(Path, matches)
    else:
        raise UserError(f"{name!r} does not exist; {_suggest(Path(name))}")


def _suggest(path: Path) -> str:
    try:
        alike = get_close_matches(path.name, sorted(one.name for one in path.parent.iterdir()), n=1)
    except OSError:
        alike = []
    return f"did you mean {str(path.with_name(alike[0]))!r}?" if alike else "name a picture, a folder or a pattern"


def _head(folder: Path, name: str, size: int) -> bytes:
    """The first bytes of a file; empty where it cannot be read."""
    path = folder / name
    try:
        if not path.is_file():  # to open a pipe would wait for ever
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def _files_below(folder: Path) -> list[str]:
    def refuse(error: OSError) -> NoReturn:
        raise UserError(f"{str(error.filename)!r} cannot be listed: {error.strerror}; correct its permissions")

    try:
        return walk(folder, unlisted=refuse).files
    except OSError as error:
        refuse(error)
