"""Turns the items of a source into a manifest; each picture is decoded once, unreadable items go to quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core import artifacts, nouns
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import attribute_columns, check_manifest
from pipeline.core.open_types import JsonObject
from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.core.sample_codec import Media
from pipeline.datasets import feedback_items, patients
from pipeline.datasets.class_list import ClassList, load_classes
from pipeline.datasets.feedback_items import Classes, Part, add_feedback, read_feedback
from pipeline.datasets.label_decisions import LabelDecision, load_decisions
from pipeline.datasets.label_review import apply_decisions
from pipeline.images import grey_scales
from pipeline.images.feedback_pictures import FeedbackPictures
from pipeline.images.grey_scales import Greys
from pipeline.media.manifest_columns import EXIF_COLUMNS
from pipeline.media.reader import SampleReader

VOLUME = "volume"  # a media
NOT_COUNTED = ("dropped", "no_row", *feedback_items.LEFT_OUT)  # reasons that do not stop a run


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ingest accepts.

    Args:
        max_pixels: Largest height x width of a picture; decoding may take 10 bytes of memory for each of these pixels.
        max_quarantine_fraction: Largest share of the items that may be refused before the run stops; a picture that the
            source's table or document does not name does not count.
        cache: Whether files that did not change since an earlier run are taken from `.cache/ingest/`.
        decisions: Whether `data/label_decisions/NAME.csv` and `data/classes/NAME.csv` are applied, NAME that of the
            data set.
        feedback: Where samples may go that people corrected in use (`data/feedback/NAME/`): `train` alone, `any` split
            like other samples, also test, or `never`: they are not read.
        feedback_classes: Labels of feedback: `known` refuses those that the source does not have, `any` takes them.
        grey_scale: Black and white in pictures of more than 8 bits: `auto` (inferred from the whole data set), a number
            of bits (8, 10, 12, 14, 16), or the two values.
    """

    max_pixels: PositiveInt
    max_quarantine_fraction: Fraction
    cache: bool = True
    decisions: bool = True
    feedback: Part = "train"
    feedback_classes: Classes = "known"
    grey_scale: Any = "auto"

    def __post_init__(self) -> None:
        grey_scales.from_option(self.grey_scale)

    @property
    def facts(self) -> JsonObject:
        """What `Media.codec` takes, before ingest has inferred a grey scale."""
        scale = grey_scales.from_option(self.grey_scale)
        return {"max_pixels": self.max_pixels, "grey_scale": None if scale is None else [scale.low, scale.high]}


def ingest_pictures(
    source: Source, limits: Limits, media: Media, root: Path = artifacts.FEEDBACK
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the quarantine of a source's pictures, with what people decided and corrected.

    Args:
        source: Of the pictures.
        limits: What is accepted.
        media: What a sample is.
        root: The folder that holds feedback for each data set.

    Raises:
        UserError: As `ingest`, or a table of decisions, of classes or of feedback is damaged.
    """
    decisions = load_decisions(str(source.name)) if limits.decisions else []
    reader = SampleReader(source=source, codec=media.codec(limits.facts), feedback=root)
    feedback = read_feedback(source, limits.feedback, root)
    if feedback is not None and reader.codec.media == VOLUME:
        feedback = patients.add_patients(source, feedback, FeedbackPictures.of(str(source.name), root))
    listed = load_classes(str(source.name)) if limits.decisions else None
    return ingest(reader, limits.cache, decisions, feedback, limits.feedback_classes, listed)


def ingest(
    reader: SampleReader,
    cache: bool = False,
    decisions: Sequence[LabelDecision] = (),
    feedback: pd.DataFrame | None = None,
    classes: Classes = "known",
    listed: ClassList | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the quarantine; together they hold every item that the reader's source and feedback named.

    Raises:
        UserError: The source names no item, gives a column that the manifest does not know, or as `refuse_patients`.
    """
    items = reader.source.read()
    if reader.codec.media == VOLUME:
        patients.refuse_patients(reader.source, items)
    items = add_feedback(items, feedback, classes)
    items.insert(0, "sample_id", items["path"])
    items, unopened = apply_decisions(items, _refuse_unopened(items), decisions, listed)
    items = items.drop(columns=["refused", "detail"], errors="ignore")
    if "negative" in items:  # a decision may have given it a label
        items["negative"] &= items["labels"].map(len) == 0
    named = [path for path, refused in zip(items["path"], unopened, strict=True) if refused is None]
    opened, measured = reader.measure(named, cache)
    rejections = iter(opened)
    results = [next(rejections) if refused is None else refused for refused in unopened]
    accepted = [result is None for result in results]
    from_source = [column for column in measured if column in items]  # the source goes before the file's metadata
    manifest = pd.concat([items[accepted].reset_index(drop=True), measured.drop(columns=from_source)], axis=1)
    refused = [result for result in results if result is not None]
    quarantine = items.loc[[not one for one in accepted], ["path", "labels"]].reset_index(drop=True)
    quarantine["reason"] = pd.Series([one.reason for one in refused], dtype="str")
    quarantine["detail"] = pd.Series([one.detail for one in refused], dtype="str")
    assert len(manifest) + len(quarantine) == len(items)
    manifest = _order_columns(manifest)
    check_manifest(manifest)
    return manifest, quarantine


def grey_scale_warning(now: Greys | None, source: str) -> str:
    """The warning that the last model of this data set was trained with another grey scale; else empty."""
    try:
        card = artifacts.read_json(artifacts.PREDICTOR / nouns.CARD)
        before = Greys.of_card(card["packing"]) if card["source"] == source else None
    except (UserError, OSError, KeyError, AttributeError, TypeError, ValueError):
        return ""  # no model, or a damaged one, which is not an error of this stage
    if now is None or before is None or now == before:
        return ""
    return (
        f"greys of more than 8 bits go from {now} now, and went from {before} when the present model was trained: all "
        f"of these pictures change, and every result is computed again; ingest.grey_scale={before.option} keeps the "
        "old scale"
    )


def unlabelled_note(manifest: pd.DataFrame) -> str:
    """A note on the pictures without labels; empty where each picture has one."""
    num_negative = int(manifest["negative"].sum()) if "negative" in manifest else 0
    num_unlabelled = int((~are_labelled(manifest)).sum())
    parts = []
    if num_negative:
        show = "picture shows" if num_negative == 1 else "pictures show"
        parts.append(
            f"{num_negative:,} {show} none of the labels: negatives of a multi-label task, unlabelled in another task; "
            "see source.empty"
        )
    if num_unlabelled:
        have = "picture has no label, so it takes" if num_unlabelled == 1 else "pictures have no label, so they take"
        parts.append(f"{num_unlabelled:,} {have} no part in a training for labels")
    return "; ".join(parts)


def _refuse_unopened(items: pd.DataFrame) -> list[ItemRejected | None]:
    """The rejection of each item that is refused unopened, by the source or as a repeated name; else None."""
    rejections: list[ItemRejected | None] = [None] * len(items)
    if "refused" in items:
        for position in items["refused"].notna().to_numpy().nonzero()[0]:
            rejections[position] = ItemRejected(items["refused"].iloc[position], items["detail"].iloc[position])
    named: set[str] = set()
    for position, path in enumerate(items["path"]):
        if rejections[position] is None and path in named:
            rejections[position] = ItemRejected("duplicate_name", "named before")
        elif rejections[position] is None:
            named.add(path)
    return rejections


def _order_columns(manifest: pd.DataFrame) -> pd.DataFrame:
    """The manifest with attributes last and `source_order`; rows stay in the source's order."""
    empty = [name for name in EXIF_COLUMNS if name in manifest and manifest[name].isna().all()]
    manifest = manifest.drop(columns=empty)
    attributes = attribute_columns(manifest)
    for column in {"group", "given_split", "decision", "former_labels"} & set(manifest):
        manifest[column] = manifest[column].astype("str")
    manifest["source_order"] = range(len(manifest))
    return manifest[[column for column in manifest if column not in attributes] + attributes]


def check_quarantine(manifest: pd.DataFrame, quarantine: pd.DataFrame, limits: Limits) -> None:
    """Stops the run when too many items were refused, or none is left.

    An item that a decision dropped counts as an item, but not as refused, and so does a picture that the source's table
    or document does not name: such a file may label a part of a folder. Feedback that was left out counts as neither.

    Raises:
        UserError: One of these is the case.
    """
    num_items = len(manifest) + int((~quarantine["reason"].isin(feedback_items.LEFT_OUT)).sum())
    refused = quarantine[~quarantine["reason"].isin(NOT_COUNTED)]
    first = ""
    if len(refused):
        one = refused.iloc[0]
        first = f"; the first is {one['path']!r}, {one['reason']}: {one['detail']}"
    if manifest.empty:
        raise UserError(f"all {num_items} items of the source were refused{first}")
    if len(refused) > limits.max_quarantine_fraction * num_items:
        raise UserError(
            f"{len(refused)} of {num_items} items were refused, more than ingest.max_quarantine_fraction "
            f"{limits.max_quarantine_fraction} allows{first}; see {artifacts.QUARANTINE}, repair them or raise "
            "the limit"
        )
