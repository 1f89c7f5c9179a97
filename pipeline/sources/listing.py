"""The files of a folder, in one order, and those among them that nothing else names."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from pipeline.core.errors import Refused, UserError
from pipeline.sources.items import Item

PICTURE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"]
)


def existing_folder(path: str, parameter: str, expected: str) -> Path:
    """The folder that a parameter names.

    Raises:
        UserError: There is none.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"source.{parameter} {path!r} is not a folder; expected {expected}")
    return folder


def files_below(root: Path, folder: str = "") -> list[str]:
    """POSIX paths, relative to the root, of every file below `root / folder`; hidden ones are passed over.

    Symbolic links to folders are not followed, so that no loop of them is endless.

    Raises:
        UserError: A folder cannot be listed.
    """
    found = []
    for here, folders, names in os.walk(root / folder, onerror=_unlisted):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        inside = Path(here).relative_to(root).as_posix()  # once a folder: the workers wait until all is listed
        prefix = "" if inside == "." else f"{inside}/"
        found += [prefix + one for one in sorted(names) if not one.startswith(".")]
    return found


def _unlisted(error: OSError) -> None:
    raise UserError(f"the source's folder {error.filename!r} cannot be listed: {error.strerror}")


def suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def unnamed(root: Path, items: Collection[Item], annotations: Path) -> Iterator[Item]:
    """The pictures below the root that no item names, each refused.

    Args:
        root: Where the pictures are.
        items: What the source's table or annotations name.
        annotations: The file or folder they were read from; a file never counts as a picture itself.

    Returns:
        Files with a picture's extension, or one that the items use.
    """
    named = {item.path for item in items}
    suffixes = PICTURE_SUFFIXES | {suffix(item.path) for item in items if item.refused is None}
    for path in files_below(root):
        if path not in named and suffix(path) in suffixes and (root / path) != annotations:
            yield Item(path=path, refused=Refused("no_row", f"nothing in {annotations.name} names it"))
