"""The data sets that torchvision knows by name: MNIST, CIFAR10, SVHN, STL10, ImageNet, Flowers102 and dozens more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import pandas as pd

from pipeline.core.artifacts import canonical_json
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected
from pipeline.core.safe_files import read_bytes, stat_file
from pipeline.datasets.sources.items import Item, table
from pipeline.datasets.sources.torchvision_parts import SPLIT_OF, load_part, parts_of
from pipeline.images.damage import DAMAGED


@final
@dataclass(frozen=True, kw_only=True)
class Torchvision(Source):
    """Every part (train, val, test, unlabelled) is read and gives the split; a path is train/000123.

    Where a data set stores pictures as files, their bytes are read, else pixels. A class has the name that torchvision
    gives it, or its number where it has no name; several names of one class are joined.

    CIFAR's files are pickles, which could run code: torchvision unpickles them only after a check that their MD5 is the
    published one, when they are downloaded and when they are read; this check cannot be switched off.

    Args:
        name: Of the data set, in MLflow and on the page.
        dataset: The class in torchvision.datasets.
        root: The folder that torchvision takes; it makes a folder in it for each data set.
        download: Whether the data set is downloaded if it is missing.
        parts: The parts to read, as torchvision calls them; null: train (or trainval), val, test and unlabeled.
        options: Further arguments of the class, for example {split: letters} for EMNIST.
        watch: What DVC hashes to notice a change; the same folder.
    """

    locations: ClassVar[tuple[str, ...]] = ("root", "watch")

    name: str
    dataset: str
    root: str
    download: bool
    parts: list[str] | None
    options: dict[str, Any]
    watch: str | list[str]

    def read(self) -> pd.DataFrame:
        return table(item for part in self._parts() for item in self._items(part))

    def _items(self, part: str) -> Iterator[Item]:
        data = self._load(part)
        names, known = data.class_names, SPLIT_OF.get(part)
        for number, label in enumerate(data.targets):
            labels = [] if label < 0 else [names[label] if names else str(label)]
            yield Item(path=f"{part}/{number:06d}", labels=labels, given_split=known)

    def open(self, path: str) -> bytes | np.ndarray:
        data, number = self._find(path)
        file = data.file(number)
        if file is not None:
            return read_bytes(Path(self.root), os.path.relpath(file, self.root))
        try:
            image = data.dataset[number][0]
            return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
        except DAMAGED as error:
            raise ItemRejected("truncated", str(error) or type(error).__name__) from None

    def stat(self, path: str) -> tuple[int, ...] | None:
        data, number = self._find(path)
        file = data.file(number)
        return None if file is None else stat_file(Path(self.root), os.path.relpath(file, self.root))

    def _find(self, path: str) -> tuple[Any, int]:
        part, _, number = path.partition("/")
        if part not in self._parts() or not re.fullmatch("[0-9]{6,12}", number):
            raise ItemRejected("missing", f"{self.dataset} has no such picture")
        data = self._load(part)
        if int(number) >= len(data.targets):
            raise ItemRejected("missing", f"this part of {self.dataset} has {len(data.targets)} pictures")
        return data, int(number)

    def _parts(self) -> tuple[str, ...]:
        return parts_of(self.dataset, canonical_json(self.options), None if self.parts is None else tuple(self.parts))

    def _load(self, part: str) -> Any:
        return load_part(self.dataset, self.root, part, canonical_json(self.options), self.download)
