"""A tree of files somewhere else, in any format, fetched through fsspec: s3://, gs://, https:// and its others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from pipeline.core.artifacts import canonical_json
from pipeline.core.contracts import Source
from pipeline.core.ranges import PositiveInt
from pipeline.core.uris import mask_credentials
from pipeline.datasets.sources.items import Item
from pipeline.datasets.trees import unpacked_tree
from pipeline.datasets.trees.remote_mirror import Limits, filesystem, mirror


@final
@dataclass(frozen=True, kw_only=True)
class Remote(Source):
    """A copy of the remote tree is kept in `tree`, and `inner` reads that; only what changed is fetched again.

    A change shows in what the server tells of a file: its size, ETag, checksum or time. A file is written below a
    temporary name and moved when it is whole; a fetch that was killed goes on where it was. What cannot become a file
    is refused and costs that item only: a name that climbs out (`outside`), that comes twice, also when only in case
    (`duplicate_name`), a file that is gone (`missing`) or forbidden (`unreadable`). A connection that keeps failing
    stops the run. Hidden names are passed over.

    Args:
        name: Of the data set, in MLflow and on the page.
        url: A folder, or one file (an archive, for the source of that name as `inner`); over https a folder ends with
            a slash and its page lists the files.
        tree: The folder it is fetched to, which `inner` reads; made and changed by this source only.
        inner: The source of what is fetched, its paths below `tree`.
        watch: What DVC hashes to notice a change; the same url, for the kinds that DVC knows.
        max_bytes: The tree may have at most so many.
        max_files: It may have at most so many.
        options: For the file system, for example {anon: true}; no passwords, which it finds in its own places.
    """

    name: str
    url: str
    tree: str
    inner: Source
    watch: str
    max_bytes: PositiveInt
    max_files: PositiveInt
    options: dict[str, Any]

    def read(self) -> pd.DataFrame:
        _fetch_once.cache_clear()
        where = f"{mask_credentials(self.url)}, fetched to {self.tree}"
        return unpacked_tree.rows(self.inner, self._fetch_once(again=True), where)

    def open(self, path: str) -> bytes | np.ndarray:
        self._fetch_once(again=False)
        return self.inner.open(path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return self.inner.stat(path)

    def _fetch_once(self, again: bool) -> list[Item]:
        limits = Limits(self.max_bytes, self.max_files)
        return _fetch_once(self.url, canonical_json(self.options), self.tree, limits, again)


@lru_cache(maxsize=4)
def _fetch_once(url: str, options: bytes, folder: str, limits: Limits, again: bool) -> list[Item]:
    """Brings the tree up to date, or only makes sure there is one; what was refused. Once in each process.

    Raises:
        UserError: The remote tree cannot be read, or is beyond the limits.
    """
    import json

    tree, shown = Path(folder), mask_credentials(url)  # with another password it is the same tree
    with unpacked_tree.lock_tree(tree):
        before, refused = unpacked_tree.read_record(tree)
        if again or before != [shown, "whole"]:
            tree.mkdir(exist_ok=True)
            unpacked_tree.write_record(tree, [shown, "begun"], [])
            refused = mirror(*filesystem(url, json.loads(options)), tree, limits)
            unpacked_tree.write_record(tree, [shown, "whole"], refused)
    return refused
