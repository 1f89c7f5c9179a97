"""The parts of a .npz of samples: which array holds the samples of train, and which one their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, final

import numpy as np

from pipeline.core.errors import UserError
from pipeline.datasets.trees.array_archive import ArrayHeader

PARTS = {"train": "train", "training": "train"}
PARTS |= {"val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test"}
SAMPLES, LABELS = ("images", "x"), ("labels", "y")
CHANNELS = (1, 3)
MAX_LABEL_BYTES = 4 * 1024**3  # of the labels of a part
EXPECTED = "train_images and train_labels, x_train and y_train, or images and labels"
Kind = Literal["image", "clip", "volume"]
NAMES: dict[Kind, str] = {"image": "pictures", "clip": "clips", "volume": "volumes"}


@final
class Pair(NamedTuple):
    """The samples and the labels of one part.

    Attributes:
        part: train, val, test, or empty where the file has no parts.
        sample_name: Of the array of samples.
        samples: Its header.
        label_name: Of the array of labels; None where there is none.
        has_several: Whether a sample can have several labels.
    """

    part: str
    sample_name: str
    samples: ArrayHeader
    label_name: str | None
    has_several: bool

    @property
    def kind(self) -> Kind:
        if len(self.samples.shape) - self.has_channels != 4:
            return "image"
        return "clip" if self.samples.shape[-1] == 3 and self.has_channels else "volume"  # voxels have no colour

    @property
    def has_channels(self) -> bool:
        return len(self.samples.shape) > 3 and self.samples.shape[-1] in CHANNELS


def check_pairs(path: str, headers: Mapping[str, ArrayHeader]) -> list[Pair]:
    """The parts that a file holds, train first.

    Raises:
        UserError: There is none, or one does not fit.
    """
    samples, labels = _by_part(path, headers, SAMPLES), _by_part(path, headers, LABELS)
    where = f"source.path {path!r}"
    if not samples:
        found = ", ".join(sorted(headers)[:8]) or "no array"
        raise UserError(f"{where} holds {found}; expected {EXPECTED}")
    pairs = []
    for part in ("train", "val", "test", ""):
        if part not in samples:
            continue
        name, label = samples[part], labels.get(part)
        header = headers[name]
        _check_samples(where, name, header)
        if label is not None:
            _check_labels(where, label, headers[label], name, header.shape[0])
        has_several = label is not None and len(headers[label].shape) == 2 and headers[label].shape[1] > 1
        pairs.append(Pair(part, name, header, label, has_several))
    _check_alike(where, pairs)
    return pairs


def _by_part(path: str, headers: Mapping[str, ArrayHeader], kinds: tuple[str, ...]) -> dict[str, str]:
    """Part, or empty, to the name of its array."""
    found: dict[str, str] = {}
    for name in headers:
        words = name.lower().split("_")
        of_kind = [word for word in words if word in kinds]
        parts = [PARTS[word] for word in words if word in PARTS]
        if len(of_kind) != 1 or len(parts) != len(words) - 1 or len(parts) > 1:
            continue
        part = parts[0] if parts else ""
        if part in found:
            raise UserError(
                f"source.path {path!r} holds {found[part]} and {name}, both {kinds[0]} of {part or 'all'}; leave one"
            )
        found[part] = name
    if "" in found and len(found) > 1:
        del found[""]  # the parts are named; an array without one belongs to none
    return found


def _check_samples(where: str, name: str, header: ArrayHeader) -> None:
    if problem := header.find_problem():
        raise UserError(f"{where}: {name} {problem}")
    shape = header.shape
    if (
        header.dtype.kind == "U"
        or len(shape) not in (3, 4, 5)
        or not all(shape)
        or (len(shape) == 5 and shape[-1] not in CHANNELS)
    ):
        raise UserError(
            f"{where}: {name} has shape {shape} of {header.dtype}; expected numbers of shape (N, H, W), (N, H, W, 3), "
            "(N, D, H, W) or (N, T, H, W, 3)"
        )
    if len(shape) == 4 and shape[-1] not in CHANNELS and shape[1] in CHANNELS:
        raise UserError(
            f"{where}: {name} has shape {shape}, channels first; save np.moveaxis(array, 1, -1), channels last"
        )


def _check_labels(where: str, label: str, header: ArrayHeader, name: str, number: int) -> None:
    if problem := header.find_problem():
        raise UserError(f"{where}: {label} {problem}")
    shape = header.shape
    if (
        len(shape) not in (1, 2)
        or not all(shape)
        or header.nbytes > MAX_LABEL_BYTES
        or (header.dtype.kind == "U" and len(shape) == 2 and shape[1] > 1)
    ):
        raise UserError(f"{where}: {label} has shape {shape} of {header.dtype}; expected (N,), (N, 1) or (N, K)")
    if shape[0] != number:
        raise UserError(f"{where}: {name} has {number:,} samples and {label} {shape[0]:,} labels; expected as many")


def _check_alike(where: str, pairs: list[Pair]) -> None:
    """Refuses parts of different kinds: pictures, clips and volumes, labelled once or several times."""
    first = pairs[0]
    for pair in pairs[1:]:
        if pair.kind != first.kind:
            raise UserError(
                f"{where}: {first.sample_name} has shape {first.samples.shape} and {pair.sample_name} "
                f"{pair.samples.shape}, {NAMES[first.kind]} and {NAMES[pair.kind]}; save them in two files"
            )
        if None not in (pair.label_name, first.label_name) and pair.has_several != first.has_several:
            raise UserError(
                f"{where}: {first.label_name} and {pair.label_name} differ in their number of columns; "
                "expected one column in both, or one for each label in both"
            )


def refuse_unscaled(path: str, pairs: list[Pair]) -> None:
    """Refuses numbers of which nobody said what is black and what is white."""
    for pair in pairs:
        if pair.samples.dtype not in (np.dtype(np.uint8), np.dtype(bool)):
            raise UserError(
                f"source.path {path!r}: {pair.sample_name} holds {pair.samples.dtype}; set source.scale to the values "
                "of black and white, for example [0, 1] or [0, 4095]"
            )
