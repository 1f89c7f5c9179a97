"""The section on the data: numbers of pictures by class and split, and the refused items."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.core.manifest_schema import NONE, POOL, SPLITS
from pipeline.images.decoding import REJECTION_REASONS

PURPOSE = {
    "train": "the {noun}s that the model is trained on",
    "val": "selects the best epoch",
    "test": "evaluates the model, which never saw these {noun}s",
    POOL: "without a label: for pretraining alone, and no figure is of them",
    NONE: "in no split, since they resemble {noun}s of two splits",
}
UNLABELLED = (  # of none, where some have no label
    "in no split: like {noun}s of two splits; or without a label and like {noun}s of val or test, given to them by "
    "the source, or from feedback"
)
MAX_CLASSES = 40
NUM_PATHS = 5


@dataclass(frozen=True, kw_only=True)
class Part:
    """One split."""

    name: str
    purpose: str
    num_samples: int
    share: float
    num_groups: int


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class: its samples in train, val and test; `total` also counts those in no split."""

    name: str
    counts: list[int]
    total: int


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Refused items of one reason."""

    reason: str
    meaning: str
    count: int
    first: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the section shows.

    Attributes:
        classes: Largest first; only the largest and the smallest if there are many.
        left_out: How many classes are not listed.
        largest: Size of the largest class, whose bar is full.
        sizes: Widths and heights, in words.
        channels: Grey or colour, in words.
    """

    num_samples: int
    num_classes: int
    num_groups: int
    num_refused: int
    parts: list[Part]
    classes: list[ClassRow]
    left_out: int
    largest: int
    sizes: str
    channels: str
    refusals: list[Refusal]


def data(manifest: pd.DataFrame, quarantine: pd.DataFrame, splits: pd.DataFrame) -> Data:
    rows = manifest[["sample_id", "labels"]].merge(splits, on="sample_id", how="left")
    classes = _classes(rows)
    listed = classes if len(classes) <= MAX_CLASSES else classes[: MAX_CLASSES // 2] + classes[-MAX_CLASSES // 2 :]
    return Data(
        num_samples=len(manifest),
        num_classes=len(classes),
        num_groups=int(splits["group"].nunique()),
        num_refused=len(quarantine),
        parts=[_part(name, rows) for name in PURPOSE if name in SPLITS or (rows["split"] == name).any()],
        classes=listed,
        left_out=len(classes) - len(listed),
        largest=max((row.total for row in classes), default=1),
        sizes=_sizes(manifest),
        channels=_channels(manifest),
        refusals=_refusals(quarantine),
    )


def _part(name: str, rows: pd.DataFrame) -> Part:
    members = rows[rows["split"] == name]
    unlabelled = name == NONE and not members["labels"].map(len).all()
    return Part(
        name=name,
        purpose=UNLABELLED if unlabelled else PURPOSE[name],
        num_samples=len(members),
        share=len(members) / max(1, len(rows)),
        num_groups=int(members["group"].nunique()),
    )


def _classes(rows: pd.DataFrame) -> list[ClassRow]:
    labelled = rows[["split", "labels"]].explode("labels").dropna(subset=["labels"])
    sizes = labelled.groupby(["labels", "split"]).size().unstack(fill_value=0)
    totals = sizes.sum(axis=1)
    sizes = sizes.reindex(columns=list(SPLITS), fill_value=0)
    class_rows = [
        ClassRow(name=str(name), counts=[int(one) for one in counts], total=int(totals[name]))
        for name, counts in zip(sizes.index, sizes.to_numpy(), strict=True)
    ]
    return sorted(class_rows, key=lambda row: (-row.total, row.name))


def _sizes(manifest: pd.DataFrame) -> str:
    sizes = manifest.groupby(["width", "height"]).size().sort_values(ascending=False, kind="stable")
    (width, height), count = sizes.index[0], int(sizes.iloc[0])
    if len(sizes) == 1:
        return f"All are {width} \u00d7 {height} pixels"
    widths, heights = manifest["width"], manifest["height"]
    return (
        f"They are {widths.min()} to {widths.max()} pixels wide and {heights.min()} to {heights.max()} high, "
        f"most often {width} \u00d7 {height} ({count:,} of them)"
    )


def _channels(manifest: pd.DataFrame) -> str:
    counts = manifest["channels"].value_counts()
    grey, colour = int(counts.get(1, 0)), int(counts.get(3, 0))
    if not colour:
        return "grey (one channel)"
    return "in colour (three channels)" if not grey else f"{grey:,} of them grey and {colour:,} in colour"


def _refusals(quarantine: pd.DataFrame) -> list[Refusal]:
    if quarantine.empty:
        return []
    refusals = [
        Refusal(
            reason=str(reason).replace("_", " "),
            meaning=REJECTION_REASONS.get(str(reason), ""),
            count=len(items),
            first=[
                (str(path), str(detail))
                for path, detail in items[["path", "detail"]].head(NUM_PATHS).itertuples(index=False)
            ],
        )
        for reason, items in quarantine.groupby("reason", sort=True)
    ]
    return sorted(refusals, key=lambda one: -one.count)
