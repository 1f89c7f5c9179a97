"""A folder of files made from names that somebody else wrote: what an archive or a remote tree becomes on this disk."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, final

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_walk import is_passed_over
from pipeline.datasets.sources.items import Item, printable, relative, table

RECORD = ".complete.json"  # stands in every tree; hidden, so that no source takes it for a sample
MAX_NAME_BYTES = 255  # of one part of a path, as file systems have it


@final
@dataclass(frozen=True)
class Names:
    """Which names become files below `root`, each once.

    Attributes:
        root: The folder.
        files: Names that were given out, by how a file system that does not tell case apart sees them.
        folders: What they stand in, likewise.
    """

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str | None:
        """The path, relative to the root, that a name gets; None for what sources pass over (hidden, or of a tool).

        Raises:
            Refused: It leaves the root, is no name here, or is taken, also when it differs from another only in case.
        """
        if printable(name) != name or "\0" in name:
            raise ItemRejected("bad_name", "the name is not UTF-8; rename the file")
        plain = relative(self.root, name)
        parts = PurePosixPath(plain).parts
        if is_passed_over(plain):
            return None
        if max(len(part.encode()) for part in parts) > MAX_NAME_BYTES or len(plain.encode()) > 8 * MAX_NAME_BYTES:
            raise ItemRejected("bad_name", "the name is too long for a file; rename it")
        self._take(plain)
        return plain

    def _take(self, plain: str) -> None:
        key, above = _casefold(plain), [_casefold(str(one)) for one in PurePosixPath(plain).parents][:-1]
        if key in self.files:
            same = self.files[key] == plain
            raise ItemRejected(
                "duplicate_name", "named before" if same else f"{self.files[key]!r} differs only in case"
            )
        if key in self.folders:
            raise ItemRejected("duplicate_name", f"a folder is called so too, that of {self.folders[key]!r}")
        if above_it := [self.files[one] for one in above if one in self.files]:
            raise ItemRejected("duplicate_name", f"stands below {above_it[0]!r}, which is a file")
        self.files[key] = plain
        for one in above:
            self.folders.setdefault(one, plain)


def _casefold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


@contextmanager
def lock_tree(tree: Path) -> Iterator[None]:
    """The only process that works on a tree; what a killed one left beside it is removed.

    Raises:
        UserError: There is a folder in its place that was not made here, and could be somebody's pictures.
    """
    from filelock import FileLock

    tree.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(tree.with_name(f".{tree.name}.lock")):
        for left in tree.parent.glob(f".{tree.name}.*.tmp"):
            shutil.rmtree(left, ignore_errors=True)
        if tree.exists() and not (tree / RECORD).is_file():
            raise UserError(f"source.tree {str(tree)!r} is there and was not made by this source; set another folder")
        yield


def write_record(tree: Path, stamp: Any, refused: Iterable[Item]) -> None:
    """Says of what the tree was made, and what of it was refused.

    Args:
        tree: The folder.
        stamp: What tells this state of the archive or the remote tree from another; as JSON holds it.
        refused: Items, each with its refusal.
    """
    told = [(item.path, item.refused.reason, item.refused.detail) for item in refused if item.refused]
    artifacts.write_json(tree / RECORD, {"stamp": stamp, "refused": told})


def read_record(tree: Path) -> tuple[Any, list[Item]]:
    """What `write_record` wrote; (None, []) where there is none, or it cannot be read."""
    try:
        content = json.loads((tree / RECORD).read_text(encoding="utf-8"))
        refused = [Item(path=path, refused=ItemRejected(reason, detail)) for path, reason, detail in content["refused"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None, []
    return content["stamp"], refused


def rows(inner: Source, refused: list[Item], where: str) -> pd.DataFrame:
    """What `Source.read` returns of a tree: the rows of the source that reads it, then what never got into it."""
    try:
        read = inner.read()
    except UserError as error:
        first = refused[0] if refused else None
        more = f"; {len(refused):,} of its files were refused, the first is {first.path!r}" if first else ""
        why = f", {first.refused}" if first and first.refused else ""
        raise UserError(f"in {where}: {error}{more}{why}") from None
    if not refused:
        return read
    lost = table(refused)
    missing = [column for column in lost if column not in read]
    read = read.assign(**{column: pd.Series([None] * len(read), index=read.index, dtype=object) for column in missing})
    rest = {name: pd.Series([None] * len(lost), dtype=read[name].dtype) for name in read if name not in lost}
    return pd.concat([read, lost.assign(**rest)[list(read)]], ignore_index=True)
