"""Pictures to packed uint8 arrays a little above training size, with extra samples of small classes in train only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core import artifacts
from pipeline.core.axes import middle_pictures, to_array, to_tensor
from pipeline.core.contracts import Augmentation
from pipeline.core.manifest_schema import POOL, SPLITS, is_property_or_attribute
from pipeline.core.ranges import Fraction, PositiveInt, Seed
from pipeline.datasets.near_duplicates.groups import add_duplicate_group, connected_groups
from pipeline.datasets.npy import contact_sheet

ORDER = {name: place for place, name in enumerate((*SPLITS, POOL))}
COLUMNS = ("sample_id", "origin", "split", "labels", "group", "photograph", "content_hash")
PREVIEW_CLASSES, PREVIEW_DRAWS = 10, 7


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How pictures are stored.

    Args:
        image_size: Side of the square that the network takes, in pixels.
        margin: Extra side that is stored, as a share of `image_size`, 0 to 1.
        fit: `crop` (shorter side to the stored size, centre kept), `pad` (longer side to it) or `stretch`.
        min_class_share: In train, a class smaller than this share of the largest one gets extra augmented copies until
            it reaches it, 0 to 1; null makes none.
        seed: Of the extra copies and the preview.
    """

    image_size: PositiveInt
    margin: Fraction
    fit: Literal["crop", "pad", "stretch"]
    min_class_share: Annotated[float, Interval(gt=0, le=1)] | None
    seed: Seed

    def __post_init__(self) -> None:
        if not 8 <= self.stored_size <= 4096:
            raise ValueError(f"image_size with its margin must be 8 to 4096, got {self.image_size} and {self.margin}")

    @property
    def stored_size(self) -> int:
        """Side of the stored square in pixels, `image_size` and its margin, to the nearest whole number."""
        return round(self.image_size * (1 + self.margin))


def assigned_rows(
    manifest: pd.DataFrame, splits: pd.DataFrame, duplicates: pd.DataFrame, with_pool: bool = False
) -> pd.DataFrame:
    """The rows of train, val, test and, if wanted, the pool, in that order, otherwise in the order of the manifest.

    With the pool they have `photograph`: the smallest `sample_id` of all that show it, or have the same pixels.
    """
    rows = manifest.drop(columns="group")
    if with_pool:
        rows = add_duplicate_group(rows, duplicates)
        rows["photograph"] = connected_groups(rows, None)
        rows = rows.drop(columns="duplicate")
    rows = rows.merge(splits, on="sample_id", validate="one_to_one")
    rows = rows[rows["split"].isin(ORDER if with_pool else SPLITS)]
    rows = rows.sort_values("split", key=lambda split: split.map(ORDER), kind="stable").reset_index(drop=True)
    return rows.assign(origin=rows["sample_id"])


def packed_columns(index: pd.DataFrame) -> pd.DataFrame:
    measured = [column for column in index if is_property_or_attribute(column)]
    known = [column for column in COLUMNS if column in index]
    return index[[*known, *measured]]


def labelled_digest(index: pd.DataFrame) -> str:
    """Digest of the packed index as it would be without what only a pretraining reads: the pool and the photographs."""
    index = index[index["split"] != POOL].drop(columns="photograph").reset_index(drop=True)
    return artifacts.table_digest(packed_columns(index))


def oversampled_rows(rows: pd.DataFrame, min_class_share: float | None, seed: int) -> pd.DataFrame:
    """Rows of train to copy, each about equally often, with `position` of their origin; none without small classes.

    A copy counts for each of its labels, so a class that shares samples with another one needs fewer copies of its
    own. The share is one of the largest class before copying.
    """
    train = rows[rows["split"] == "train"]
    chosen: list[int] = []
    if min_class_share is not None:
        labels = train["labels"].explode()
        sizes = labels.value_counts().sort_index()
        wanted = int(np.ceil(min_class_share * sizes.max()))
        generator = np.random.default_rng(seed)
        for name, size in sizes[sizes < wanted].items():
            members = generator.permutation(labels.index[labels == name].to_numpy())
            came_along = int(np.isin(chosen, members).sum())
            chosen += np.resize(members, max(0, wanted - size - came_along)).tolist()
    extra = rows.loc[chosen].assign(position=chosen)
    number = extra.groupby("origin").cumcount()
    extra["sample_id"] = [f"{origin}#extra{n}" for origin, n in zip(extra["origin"], number, strict=True)]
    assert (extra["split"] == "train").all()
    return extra


def augment_copies(
    packed: np.ndarray, extra: pd.DataFrame, policy: list[Augmentation], seed: int
) -> Iterator[np.ndarray]:
    """Augmented copies one by one, (*spatial, C) uint8."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for position in extra["position"]:
        batch = to_tensor(packed[position : position + 1])
        for augmentation in policy:
            batch = augmentation(batch, generator)
        yield to_array(batch)[0]


def draw_preview(packed: np.ndarray, rows: pd.DataFrame, policy: list[Augmentation], seed: int) -> np.ndarray:
    """(H, W, 3) uint8, one row per class: a sample of train, then how the policy changes it; without labels any ten."""
    train = rows[rows["split"] == "train"]
    first = train["labels"].explode().drop_duplicates().sort_values()[:PREVIEW_CLASSES].index
    if not train["labels"].map(len).any():
        first = train.index[:PREVIEW_CLASSES]
    lines = []
    for position in first:
        copies = pd.DataFrame({"position": [position] * PREVIEW_DRAWS})
        lines.append([packed[position], *augment_copies(packed, copies, policy, seed)])
    return contact_sheet([list(middle_pictures(np.stack(line))) for line in lines])
