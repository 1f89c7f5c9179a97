"""The items of a source to a manifest; each picture is decoded once, and what cannot be read goes to quarantine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from pipeline.core import artifacts, nouns, terminal
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import EXIF, attribute_columns, check_manifest, property_column
from pipeline.core.parallel import parallel_map
from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.datasets.label_review import ReviewDecision, apply_decisions
from pipeline.images import grey_scales, properties
from pipeline.images.decoding import Decoding
from pipeline.images.grey_scales import GreyRange, Greys
from pipeline.images.measurement_cache import MeasurementCache
from pipeline.images.properties import ImageMeasurements

TOLD_BY_FILE = ("camera", "time")


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


def ingest(
    source: Source,
    max_pixels: int,
    cache: bool = False,
    decisions: Sequence[ReviewDecision] = (),
    grey_scale: Any = "auto",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the quarantine; together they hold every item the source named.

    Raises:
        UserError: The source names no item, or gives a column that the manifest does not know.
    """
    decoding = Decoding(max_pixels=max_pixels, grey_scale=grey_scales.from_option(grey_scale))
    items = source.read()
    items.insert(0, "sample_id", items["path"])
    items, told = apply_decisions(items, _refuse_unopened(items), decisions)
    items = items.drop(columns=["refused", "detail"], errors="ignore")
    if "negative" in items:  # what people gave a label since is none any more
        items["negative"] &= items["labels"].map(len) == 0
    named = [path for path, refused in zip(items["path"], told, strict=True) if refused is None]
    opened = iter(_examine(source, named, decoding, cache))
    results = [next(opened) if refused is None else refused for refused in told]
    accepted = [isinstance(result, ImageMeasurements) for result in results]
    measured = _columns([result for result in results if isinstance(result, ImageMeasurements)])
    told_as_well = [column for column in measured if column in items]  # what a file says of itself gives way
    manifest = pd.concat([items[accepted].reset_index(drop=True), measured.drop(columns=told_as_well)], axis=1)
    refused = [result for result in results if isinstance(result, ItemRejected)]
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


def _examine(
    source: Source, paths: list[str], decoding: Decoding, cache: bool
) -> list[ImageMeasurements | ItemRejected]:
    """Of each path what is measured; pictures of more than 8 bits are looked at twice where their scale is not given.

    The first look finds how far their greys go, the second one measures them with the scale of all.
    """
    first = _look(source, paths, decoding, cache)
    deep = [(path, found) for path, found in zip(paths, first, strict=True) if isinstance(found, GreyRange)]
    if not deep:
        return [found for found in first if not isinstance(found, GreyRange)]
    scale = grey_scales.choose(deep)
    _say(scale, deep)
    scaled = iter(_look(source, [path for path, _ in deep], replace(decoding, grey_scale=scale), cache))
    both = [next(scaled) if isinstance(found, GreyRange) else found for found in first]
    return [found for found in both if not isinstance(found, GreyRange)]


def _say(scale: Greys, deep: list[tuple[str, GreyRange]]) -> None:
    path, brightest = max(deep, key=lambda entry: (entry[1].high, entry[0]))
    terminal.say(
        f"ingest: {len(deep):,} pictures have more than 8 bits, the brightest {path} with {brightest.high:g}; "
        f"{scale} becomes black to white in all of them (ingest.grey_scale)"
    )


def _look(
    source: Source, paths: list[str], decoding: Decoding, cache: bool
) -> list[ImageMeasurements | GreyRange | ItemRejected]:
    started = time.time()
    remembered = MeasurementCache.load(source, decoding) if cache else None
    stamps = [source.stat(path) if remembered else None for path in paths]  # before reading: a later change shows
    found = [remembered.get(*one) if remembered else None for one in zip(paths, stamps, strict=True)]
    unknown = [path for path, result in zip(paths, found, strict=True) if result is None]
    fresh = parallel_map(partial(examine, source, decoding), unknown, len(unknown), "ingest", killed=_reject_crashed)
    results = [next(fresh) if result is None else result for result in found]
    if remembered and unknown:
        remembered.save(zip(paths, stamps, results, strict=True), started)
    return results


def _reject_crashed(path: str) -> ItemRejected:
    return ItemRejected("crashed", "it killed the process that decoded it, mostly for lack of memory")


def examine(source: Source, decoding: Decoding, path: str) -> ImageMeasurements | GreyRange | ItemRejected:
    """One item, read and decoded once; of one with more than 8 bits the range, as long as their scale is not known."""
    try:
        return properties.decode_and_measure(source.open(path), decoding)
    except ItemRejected as refused:
        return refused


def _columns(measured: list[ImageMeasurements]) -> pd.DataFrame:
    """A row for each; put together by columns, since a dictionary for each row takes half as much memory again."""
    names = measured[0].properties if measured else ()
    return pd.DataFrame(
        {
            "media": ["image"] * len(measured),
            "format": [one.encoding["format"] for one in measured],
            "content_hash": [one.content_hash for one in measured],
            "perceptual_hash": [one.perceptual_hash for one in measured],
            "height": [one.height for one in measured],
            "width": [one.width for one in measured],
            "depth": [1] * len(measured),
            "channels": [one.channels for one in measured],
            **_grey_columns(measured),
            **{property_column(name): [one.properties[name] for one in measured] for name in names},
            **{EXIF + name: [one.encoding[name] for one in measured] for name in TOLD_BY_FILE},
        }
    )


def _grey_columns(measured: list[ImageMeasurements]) -> dict[str, list[float]]:
    """What became black and white in pictures of more than 8 bits; no column where there is none."""
    found = [one.grey_scale or [math.nan, math.nan] for one in measured]
    deep = any(one.grey_scale for one in measured)
    return {name: [one[place] for one in found] for place, name in enumerate(grey_scales.COLUMNS)} if deep else {}


def _order_columns(manifest: pd.DataFrame) -> pd.DataFrame:
    """Told attributes last, columns otherwise as the design lists them, rows in the source's order."""
    exif = [EXIF + name for name in TOLD_BY_FILE]
    manifest = manifest.drop(columns=[name for name in exif if name in manifest and manifest[name].isna().all()])
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
