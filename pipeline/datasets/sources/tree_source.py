"""The base of sources that make a local folder of files, which another source reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.sources.items import Item
from pipeline.datasets.trees.unpacked_tree import rows

_made: set[tuple[Path, str]] = set()  # folder and source whose tree is there: a worker gets a copy of it per batch


@dataclass(frozen=True, kw_only=True)
class TreeSource(Source, ABC):
    """A tree of files that is made here, and the source that reads it.

    Args:
        name: Of the data set, in MLflow and on the page.
        tree: The folder that `inner` reads; this source alone makes and changes it.
        inner: The source that reads the folder; its paths are below `tree`.
        watch: What DVC hashes to notice a change of the original.
    """

    name: str
    tree: str
    inner: Source
    watch: str | list[str]

    @property
    @abstractmethod
    def origin(self) -> str:
        """The original and what is done with it, for messages: `pictures.zip, unpacked`."""

    @abstractmethod
    def make_tree(self, again: bool) -> list[Item]:
        """Makes the tree if it is missing, or updates it with `again`; returns the refused items.

        Raises:
            UserError: It cannot be made.
        """

    def read(self) -> pd.DataFrame:
        _made.clear()
        return rows(self.inner, self.make_tree(again=True), f"{self.origin} to {self.tree}")

    def open(self, path: str) -> bytes | np.ndarray | FileSet:
        if (source := (Path.cwd(), repr(self))) not in _made:
            self.make_tree(again=False)
            _made.add(source)
        return self.inner.open(path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return self.inner.stat(path)

    def file_of(self, path: str) -> Path | None:
        return self.inner.file_of(path)
