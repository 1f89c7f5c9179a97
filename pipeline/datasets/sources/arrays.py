"""One .npz with pictures or volumes and their labels, as MedMNIST and Keras write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.ranges import PositiveInt
from pipeline.core.safe_files import stat_file
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.sources.items import Item, table
from pipeline.datasets.trees.array_archive import StoredArray, read_headers, unpack_arrays
from pipeline.datasets.trees.array_parts import NAMES, Kind, Pair, check_pairs, refuse_unscaled

MAX_BYTES = 100_000_000_000


@final
@dataclass(frozen=True, kw_only=True)
class Arrays(Source, FormatDetector):
    """The arrays of each part, such as train_images and train_labels; a path is train/000123.

    Names: {train,val,test}_{images,labels} (MedMNIST), x_train and y_train (Keras), or images and labels without parts,
    which give no split. Samples: (N, H, W), (N, H, W, 1) or (N, H, W, 3) are pictures, (N, D, H, W) and
    (N, D, H, W, 1) volumes, (N, T, H, W, 3) clips. Labels: (N,) or (N, 1) whole numbers (below 0: no label) or texts,
    (N, K) zeros and ones for several labels per sample. Arrays of Python objects are refused: they are pickles, which
    could run code.

    The arrays are unpacked once into `tree`, and of these files only the bytes of one sample are read at a time.

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The .npz file.
        classes: Names of labels 0, 1, ...; null: the numbers are the names.
        scale: The values of black and white, [0, 1] or [0, 4095]; what lies beyond is cut. null: 0 and 255 of bytes,
            false and true of truth values; other types need it.
        tree: The folder for the unpacked arrays.
        watch: What DVC hashes to notice a change; the file.
        max_bytes: Largest unpacked size in bytes.

    Source: Yang et al. 2023, MedMNIST v2, doi:10.1038/s41597-022-01721-8.
    """

    locations: ClassVar[tuple[str, ...]] = ("path", "tree", "watch", "max_bytes")

    name: str
    path: str
    classes: list[str] | None
    scale: tuple[float, float] | None
    tree: str
    watch: str | list[str]
    max_bytes: PositiveInt = MAX_BYTES

    def __post_init__(self) -> None:
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise ValueError(f"scale must be null or [black, white] with black below white, got {list(self.scale)}")

    @property
    def media(self) -> Kind:  # type: ignore[override]
        return check_pairs(self.path, read_headers(Path(self.path)))[0].kind

    def read(self) -> pd.DataFrame:
        _load.cache_clear()
        pairs, stored = self._load()
        if self.scale is None:
            refuse_unscaled(self.path, pairs)
        return table(item for pair in pairs for item in self._items(pair, stored))

    def _items(self, pair: Pair, stored: Mapping[str, StoredArray]) -> Iterator[Item]:
        number = pair.samples.shape[0]
        digits = max(6, len(str(number - 1)))
        prefix = f"{pair.part}/" if pair.part else ""
        labels = [()] * number if pair.label_name is None else self._name_labels(stored[pair.label_name], pair)
        for row, names in enumerate(labels):
            negative = pair.has_several and not names
            path = f"{prefix}{row:0{digits}d}"
            yield Item(path=path, labels=names, negative=negative, given_split=pair.part or None)

    def _name_labels(self, stored: StoredArray, pair: Pair) -> list[tuple[str, ...]]:
        values = stored.part(0, pair.samples.shape[0])
        if values.dtype.kind == "U":
            return [(str(one),) if one else () for one in values.reshape(-1).tolist()]
        if not (np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)).all():
            raise UserError(f"source.path {self.path!r}: {pair.label_name} holds numbers that are not whole")
        values = values.astype(np.int64)
        if pair.has_several:
            if not np.isin(values, (0, 1)).all():
                raise UserError(
                    f"source.path {self.path!r}: {pair.label_name} of shape {values.shape} holds values other than 0 "
                    "and 1; expected one column, or a column of zeros and ones for each label"
                )
            names = self._names(values.shape[1] - 1, pair)
            return [tuple(names[one] for one in np.flatnonzero(row).tolist()) for row in values]
        numbers = values.reshape(-1).tolist()
        names = self._names(max(numbers, default=0), pair)
        return [(names[one],) if one >= 0 else () for one in numbers]

    def _names(self, largest: int, pair: Pair) -> Mapping[int, str]:
        if self.classes is None:
            return _Numbers()
        if largest >= len(self.classes):
            raise UserError(
                f"source.classes names {len(self.classes)} labels, but {pair.label_name} of {self.path!r} has label "
                f"{largest}, counted from 0; name all of them"
            )
        return dict(enumerate(self.classes))

    def open(self, path: str) -> np.ndarray:
        pairs, stored = self._load()
        part, _, number = path.rpartition("/")
        pair = next((one for one in pairs if one.part == part), None)
        if pair is None or not re.fullmatch("[0-9]{6,12}", number) or int(number) >= pair.samples.shape[0]:
            raise ItemRejected("missing", f"{self.path} has no such sample")
        sample = stored[pair.sample_name].part(int(number), 1)[0]
        return to_bytes(sample[..., 0] if pair.has_channels and sample.shape[-1] == 1 else sample, self.scale)

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_file(Path(self.path).parent, Path(self.path).name)

    def _load(self) -> tuple[list[Pair], dict[str, StoredArray]]:
        return _load(self.path, self.tree, self.max_bytes)

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, object]) -> Iterator[FormatMatch]:
        for path in place.documents(lambda suffix: suffix == ".npz"):
            try:
                pairs = check_pairs(path, read_headers(place.root / path))
            except UserError:
                continue
            kind, number = pairs[0].kind, sum(one.samples.shape[0] for one in pairs)
            name = Path(path).stem
            try:
                refuse_unscaled(path, pairs if options.get("scale") is None else [])
                missing = ""
            except UserError as error:
                missing = str(error)
            yield FormatMatch(
                layout=f"arrays, {number:,} {NAMES[kind]} in {path}",
                choices={
                    "path": place.at(path),
                    "classes": None,
                    "scale": None,
                    "tree": f".cache/trees/{name}-arrays",
                },
                confidence=1,
                missing=missing,
            )


class _Numbers(dict[int, str]):
    """Each number as its own name."""

    def __missing__(self, number: int) -> str:
        return str(number)


def to_bytes(sample: np.ndarray, scale: tuple[float, float] | None) -> np.ndarray:
    """uint8 of the same shape: `scale` gives the values that become 0 and 255, values between them are rounded.

    Raises:
        ItemRejected: A number is not finite.
    """
    if scale is None:
        return sample * np.uint8(255) if sample.dtype == bool else sample
    black, white = scale
    values = sample.astype(np.float64)
    if not np.isfinite(values).all():
        raise ItemRejected("unsupported", "a value that is not a finite number; replace such values before saving")
    return np.rint(np.clip((values - black) / (white - black), 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _load(path: str, tree: str, max_bytes: int) -> tuple[list[Pair], dict[str, StoredArray]]:
    """The parts of a file, and its unpacked arrays; cached, since `open` is called for each sample."""
    pairs = check_pairs(path, read_headers(Path(path)))
    names = [name for pair in pairs for name in (pair.sample_name, pair.label_name) if name is not None]
    return pairs, unpack_arrays(Path(path), Path(tree), names, max_bytes)
