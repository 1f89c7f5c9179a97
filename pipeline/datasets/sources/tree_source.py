"""What sources have in common that make a folder of files of something else, for another source to read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core.contracts import Source
from pipeline.datasets.sources.items import Item
from pipeline.datasets.trees.unpacked_tree import rows

_made: set[tuple[Path, str]] = set()  # folder and source whose tree is there: a worker gets a copy of it per batch


@dataclass(frozen=True, kw_only=True)
class TreeSource(Source, ABC):
    """A tree of files that is made here, and the source that reads it.

    Args:
        name: Of the data set, in MLflow and on the page.
        tree: The folder that is made, which `inner` reads; made and changed by this source only.
        inner: The source of what is in it, its paths below `tree`.
        watch: What DVC hashes to notice a change of what it is made of.
    """

    name: str
    tree: str
    inner: Source
    watch: str

    @property
    @abstractmethod
    def origin(self) -> str:
        """What is done with what, for messages: `pictures.zip, unpacked`."""

    @abstractmethod
    def make_tree(self, again: bool) -> list[Item]:
        """Makes the tree of what is there now, or only sees to it that there is one unless `again`; what was refused.

        Raises:
            UserError: It cannot be made.
        """

    def read(self) -> pd.DataFrame:
        _made.clear()
        return rows(self.inner, self.make_tree(again=True), f"{self.origin} to {self.tree}")

    def open(self, path: str) -> bytes | np.ndarray:
        if (source := (Path.cwd(), repr(self))) not in _made:
            self.make_tree(again=False)
            _made.add(source)
        return self.inner.open(path)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return self.inner.stat(path)
