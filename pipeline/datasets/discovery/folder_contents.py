"""The files of a folder in a fixed order: those that an annotation names, and those that it does not name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_walk import Listing, walk
from pipeline.datasets.discovery.sample_finder import SampleFinder, leaf_folders
from pipeline.datasets.discovery.sample_suffixes import READ_SUFFIXES, media_of, suffix
from pipeline.datasets.sources.items import Item, merge, relative


def existing_folder(path: str, parameter: str, expected: str) -> Path:
    """The folder that a parameter names.

    Raises:
        UserError: It does not exist.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"source.{parameter} {path!r} is not a folder; expected {expected}")
    return folder


def tree_below(root: Path) -> tuple[list[str], list[str]]:
    """The files below a folder as `files_below` returns them, and all folders, also empty ones.

    Raises:
        UserError: A folder cannot be listed.
    """
    found = _list(root)
    return found.files, found.folders


def files_below(root: Path, folder: str = "") -> list[str]:
    """POSIX paths, relative to the root, of every file below `root / folder`, as `walk` lists them.

    Raises:
        UserError: A folder cannot be listed.
    """
    found = _list(root / folder).files
    return [f"{folder}/{path}" for path in found] if folder else found


def _list(root: Path) -> Listing:
    def refuse(error: OSError) -> NoReturn:
        raise UserError(
            f"the source's folder {str(error.filename)!r} cannot be listed: {error.strerror}; correct its permissions"
        )

    try:
        return walk(root, unlisted=refuse)
    except OSError as error:
        refuse(error)


def find_pictures(root: Path, items: Sequence[Item], annotations: Collection[Path]) -> list[Item]:
    """The items that a table or a document names, each with the path of its file, then pictures that it does not name.

    Args:
        root: Where the pictures are.
        items: With paths as the table or the document spells them.
        annotations: The files or folders they were read from; such a file never counts as a picture.

    Returns:
        One item for each path (see `merge`). An item that may mean several files, or leaves the root, is refused.
        Unnamed files with an ending of the items' media, or with an ending that the items use, are refused too; where
        items are folders, so are other folders with such files.
    """
    files = files_below(root)
    found = match_files(root, files, items)
    return [*found, *_find_unnamed(root, files, found, annotations)]


def match_files(root: Path, files: Sequence[str], items: Sequence[Item]) -> list[Item]:
    """The items with the paths of the files that they mean, one for each path."""
    resolved = SampleFinder(files, root).find_all({item.path for item in items if item.refused is None})
    return merge(_at(root, item, resolved.get(item.path) if item.refused is None else None) for item in items)


def _at(root: Path, item: Item, file: str | ItemRejected | None) -> Item:
    if isinstance(file, str):
        return replace(item, path=file)
    try:
        return replace(item, path=relative(root, item.path), refused=item.refused or file)
    except ItemRejected as refused:
        return replace(item, refused=item.refused or file or refused)


def _find_unnamed(
    root: Path, files: Sequence[str], items: Collection[Item], annotations: Collection[Path]
) -> Iterator[Item]:
    named = {item.path for item in items}
    names = ", ".join(one.name for one in annotations)
    leaves = leaf_folders(files)
    folders = [one for one in leaves if one in named]
    read = [item.path for item in items if item.refused is None and item.path not in set(folders)]
    suffixes = {suffix(path) for path in read} | (
        READ_SUFFIXES[media_of(read, files)] if read or not folders else set()
    )
    samples = [path for path in files if suffix(path) in suffixes]
    if folders:  # then the others are samples too, and not what they hold
        inside = set(leaves)
        samples = [path for path in samples if path.rpartition("/")[0] not in inside] + leaves
    for path in samples:
        if path not in named and (root / path) not in annotations:
            yield Item(path=path, refused=ItemRejected("no_row", f"nothing in {names} names it"))
