"""The local folder of files that an archive or a remote tree becomes; names from outside are checked."""

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

RECORD = ".complete.json"  # is in every tree; hidden, so that no source takes it for a sample
MAX_NAME_BYTES = 255  # of one part of a path, as file systems have it


@final
@dataclass(frozen=True)
class Names:
    """Which names become files below `root`, each once.

    Attributes:
        root: The folder.
        files: Names in use, by the spelling that a file system without upper and lower case sees.
        folders: A file below each folder in use, by the folder in the same spelling.
    """

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str | None:
        """The path, relative to the root, that a name gets; None for names that sources ignore (hidden, or of a tool).

        Raises:
            ItemRejected: It leaves the root, is not valid here, or is in use, also when it differs only in case.
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
        key, folders = _casefold(plain), [_casefold(str(one)) for one in PurePosixPath(plain).parents][:-1]
        if key in self.files:
            same = self.files[key] == plain
            raise ItemRejected(
                "duplicate_name", "named before" if same else f"{self.files[key]!r} differs only in case"
            )
        if key in self.folders:
            raise ItemRejected("duplicate_name", f"a folder has the same name, that of {self.folders[key]!r}")
        if files := [self.files[one] for one in folders if one in self.files]:
            raise ItemRejected("duplicate_name", f"is below {files[0]!r}, which is a file")
        self.files[key] = plain
        for one in folders:
            self.folders.setdefault(one, plain)


def _casefold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


@contextmanager
def lock_tree(tree: Path) -> Iterator[None]:
    """Locks a tree for this process, and removes temporary folders of a killed process.

    Raises:
        UserError: The folder exists and was not made by a source; it could be somebody's pictures.
    """
    from filelock import FileLock

    tree.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(tree.with_name(f".{tree.name}.lock")):
        for temporary in tree.parent.glob(f".{tree.name}.*.tmp"):
            shutil.rmtree(temporary, ignore_errors=True)
        if tree.exists() and not (tree / RECORD).is_file():
            raise UserError(f"source.tree {str(tree)!r} exists and was not made by this source; set another folder")
        yield


def write_record(tree: Path, stamp: Any, refused: Iterable[Item]) -> None:
    """Writes the record of a tree: the state of its origin, and the refused items.

    Args:
        tree: The folder.
        stamp: Identifies the state of the archive or the remote tree; serialisable as JSON.
        refused: Items, each with its refusal.
    """
    rejections = [(item.path, item.refused.reason, item.refused.detail) for item in refused if item.refused]
    artifacts.write_json(tree / RECORD, {"stamp": stamp, "refused": rejections})


def read_record(tree: Path) -> tuple[Any, list[Item]]:
    """The stamp and the refused items of a tree; (None, []) where there is no readable record."""
    try:
        content = json.loads((tree / RECORD).read_text(encoding="utf-8"))
        refused = [Item(path=path, refused=ItemRejected(reason, detail)) for path, reason, detail in content["refused"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None, []
    return content["stamp"], refused


def rows(inner: Source, refused: list[Item], where: str) -> pd.DataFrame:
    """The table that `Source.read` returns of a tree: the rows of the inner source, then the items refused before."""
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
