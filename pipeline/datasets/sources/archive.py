"""A zip or tar archive of pictures in any other format, unpacked once, safely and in bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.contracts import Source
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt
from pipeline.datasets.sources.items import Item
from pipeline.datasets.tables.dialects import is_encoding
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.archive_entries import Bounds, unpack


@final
@dataclass(frozen=True, kw_only=True)
class Archive(Source):
    """.zip, .tar, .tar.gz, .tar.bz2 or .tar.xz; `inner` reads what is in it as if it had always been a folder.

    It is unpacked below a temporary name and moved to `tree` when it is whole; as long as the archive's size, times
    and place stay, that is not done again. An entry that must not become a file is refused and costs that item only:
    a path that is absolute or climbs out, a link that leads out of the archive (`outside`) or to none of its files
    (`missing`), a device or an encrypted entry (`unreadable`), a name that comes twice, also when only in case
    (`duplicate_name`), a damaged entry of a zip (`truncated`). A damaged archive, and one that unpacks to more than
    the bounds, stops the run. Links within the archive become files. Hidden entries and `__MACOSX` are passed over.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The archive; its first bytes say what it is.
        tree: The folder it is unpacked to, which `inner` reads; made and replaced by this source only.
        inner: The source of what is in it, its paths below `tree`.
        watch: What DVC hashes to notice a change; the archive.
        max_bytes: It may unpack to at most so many, and to at most 200 times its own size (64 MiB are always allowed).
        max_entries: It may hold at most so many.
        names: The code page of its names, as Python calls it, where it does not say which (a zip that an older
            Windows wrote); null: UTF-8, and a name that is not is refused (`bad_name`) rather than guessed.
    """

    name: str
    path: str
    tree: str
    inner: Source
    watch: str
    max_bytes: PositiveInt
    max_entries: PositiveInt
    names: str | None = None

    def __post_init__(self) -> None:
        if self.names is not None and not is_encoding(self.names):
            raise ValueError(f"names must be null or a code page such as gbk or cp437, got {self.names!r}")

    def read(self) -> pd.DataFrame:
        _unpack_once.cache_clear()  # the archive may have changed since an earlier scan of this process
        return unpacked_tree.rows(self.inner, self._unpack_once(), f"{self.path}, unpacked to {self.tree}")

    def open(self, path: str) -> bytes | np.ndarray:
        self._unpack_once()
        return self.inner.open(path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return self.inner.stat(path)

    def _unpack_once(self) -> list[Item]:
        return _unpack_once(self.path, self.tree, Bounds(self.max_bytes, self.max_entries), self.names)


@lru_cache(maxsize=4)
def _unpack_once(name: str, folder: str, bounds: Bounds, names: str | None) -> list[Item]:
    """Makes the tree unless it is that of this archive; what was refused. Looked at once in each process.

    Raises:
        UserError: The archive is not there, damaged, or beyond the bounds.
    """
    path, tree = Path(name), Path(folder)
    if not path.is_file():
        raise UserError(f"source.path {name!r} is not a file; set it to a .zip or .tar archive")
    status = path.stat()
    stamp = [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, bounds.version, names]
    with unpacked_tree.lock_tree(tree):
        before, refused = unpacked_tree.read_record(tree)
        if before != stamp:
            with artifacts.atomic_write(tree) as temporary:
                temporary.mkdir()
                refused = unpack(path, temporary, bounds, names)
                unpacked_tree.write_record(temporary, stamp, refused)
    return refused
