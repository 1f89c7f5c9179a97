"""The items of a source to a manifest; each picture is decoded once, and what cannot be read goes to quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.core import artifacts, nouns
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import attribute_columns, check_manifest
from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.core.sample_reader import SampleReader
from pipeline.datasets.label_review import ReviewDecision, apply_decisions
from pipeline.images import grey_scales
from pipeline.images.decoding import Decoding
from pipeline.images.grey_scales import Greys
from pipeline.images.manifest_columns import EXIF_COLUMNS


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ingest accepts.

    Args:
        max_pixels: Largest height x width of a picture; decoding it may take 10 bytes for each of so many pixels.
        max_quarantine_fraction: Largest share of the items that may be refused before the run stops.
        cache: Whether files that did not change since an earlier run are taken from `.cache/ingest/`.
        decisions: Whether `data/label_decisions.csv` is applied.
        grey_scale: What is black and white in pictures of more than 8 bits: `auto` (found over the whole data set), a
            number of bits (8, 10, 12, 14, 16), or the two values.
    """

    max_pixels: PositiveInt
    max_quarantine_fraction: Fraction
    cache: bool = True
    decisions: bool = True
    grey_scale: Any = "auto"

    def __post_init__(self) -> None:
        grey_scales.from_option(self.grey_scale)

    @property
    def decoding(self) -> Decoding:
        """How the pictures of a data set are decoded that no ingest has seen yet."""
        return Decoding(max_pixels=self.max_pixels, grey_scale=grey_scales.from_option(self.grey_scale))


def ingest(
    reader: SampleReader,
    cache: bool = False,
    decisions: Sequence[ReviewDecision] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the quarantine; together they hold every item that the reader's source named.

    Raises:
        UserError: The source names no item, or gives a column that the manifest does not know.
    """
    items = reader.source.read()
    items.insert(0, "sample_id", items["path"])
    items, told = apply_decisions(items, _refuse_unopened(items), decisions)
    items = items.drop(columns=["refused", "detail"], errors="ignore")
    if "negative" in items:  # what people gave a label since is none any more
        items["negative"] &= items["labels"].map(len) == 0
    named = [path for path, refused in zip(items["path"], told, strict=True) if refused is None]
    opened, measured = reader.measure(named, cache)
    rejections = iter(opened)
    results = [next(rejections) if refused is None else refused for refused in told]
    accepted = [result is None for result in results]
    told_as_well = [column for column in measured if column in items]  # what a file says of itself gives way
    manifest = pd.concat([items[accepted].reset_index(drop=True), measured.drop(columns=told_as_well)], axis=1)
    refused = [result for result in results if result is not None]
    quarantine = items.loc[[not one for one in accepted], ["path", "labels"]].reset_index(drop=True)
    quarantine["reason"] = pd.Series([one.reason for one in refused], dtype="str")
    quarantine["detail"] = pd.Series([one.detail for one in refused], dtype="str")
    assert len(manifest) + len(quarantine) == len(items)
    manifest = _order_columns(manifest)
    check_manifest(manifest)
    return manifest, quarantine


def grey_scale_warning(now: Greys | None, source: str) -> str:
    """What it means that the last model of this data set learnt greys of another scale, for a person; else empty."""
    try:
        card = artifacts.read_json(artifacts.PREDICTOR / nouns.CARD)
        before = Greys.of_card(card["packing"]) if card["source"] == source else None
    except (UserError, OSError, KeyError, AttributeError, TypeError, ValueError):
        return ""  # no model, or none that this stage has to mend
    if now is None or before is None or now == before:
        return ""
    return (
        f"greys of more than 8 bits go from {now} now, and went from {before} when the present model was trained: all "
        f"of these pictures change, and everything is computed anew; ingest.grey_scale={before.option} keeps what was"
    )


def unlabelled_note(manifest: pd.DataFrame) -> str:
    """What becomes of the pictures without labels, for a person; empty where each has one."""
    num_negative = int(manifest["negative"].sum()) if "negative" in manifest else 0
    num_unlabelled = int((~are_labelled(manifest)).sum())
    told = []
    if num_negative:
        told.append(
            f"{num_negative:,} pictures show none of the labels: negatives of a multi-label task, unlabelled in "
            "another; see source.empty"
        )
    if num_unlabelled:
        told.append(f"{num_unlabelled:,} pictures have no label and take part in no split")
    return "; ".join(told)


def _refuse_unopened(items: pd.DataFrame) -> list[ItemRejected | None]:
    """The items that are refused unopened: the source says why, or it has named them before."""
    told: list[ItemRejected | None] = [None] * len(items)
    if "refused" in items:
        for position in items["refused"].notna().to_numpy().nonzero()[0]:
            told[position] = ItemRejected(items["refused"].iloc[position], items["detail"].iloc[position])
    named: set[str] = set()
    for position, path in enumerate(items["path"]):
        if told[position] is None and path in named:
            told[position] = ItemRejected("duplicate_name", "named before")
        elif told[position] is None:
            named.add(path)
    return told


def _order_columns(manifest: pd.DataFrame) -> pd.DataFrame:
    """Told attributes last, columns otherwise as the design lists them, rows in the source's order."""
    empty = [name for name in EXIF_COLUMNS if name in manifest and manifest[name].isna().all()]
    manifest = manifest.drop(columns=empty)
    attributes = attribute_columns(manifest)
    for column in {"group", "given_split", "decision"} & set(manifest):
        manifest[column] = manifest[column].astype("str")
    manifest["source_order"] = range(len(manifest))
    return manifest[[column for column in manifest if column not in attributes] + attributes]


def check_quarantine(manifest: pd.DataFrame, quarantine: pd.DataFrame, limits: Limits) -> None:
    """Stops the run when too many items were refused, none is left, or they all have one label.

    What people dropped counts as an item, and not as refused: they know of it.
    """
    num_items = len(manifest) + len(quarantine)
    refused = quarantine[quarantine["reason"] != "dropped"]
    first = ""
    if len(refused):
        one = refused.iloc[0]
        first = f"; the first is {one['path']!r}, {one['reason']}: {one['detail']}"
    if manifest.empty:
        raise UserError(f"all {num_items} items of the source were refused{first}")
    if len(refused) > limits.max_quarantine_fraction * num_items:
        raise UserError(
            f"{len(refused)} of {num_items} items were refused, more than ingest.max_quarantine_fraction "
            f"{limits.max_quarantine_fraction} allows{first}; see {artifacts.QUARANTINE}, mend them or raise the limit"
        )
    classes = sorted(set(manifest["labels"].explode().dropna()))
    if len(classes) < 2:
        others = "; source.empty=own_label makes a class of those that show none" if "negative" in manifest else ""
        raise UserError(
            f"a classifier needs at least two classes with readable pictures; the source has only {classes}{others}"
        )
