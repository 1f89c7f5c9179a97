"""The data set that is exported: samples with the labels, answers and split of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.manifest_schema import ATTRIBUTE, EXIF, ORIGIN, SPLITS, attribute_columns, short_name
from pipeline.core.sample_codec import noun_of
from pipeline.datasets.class_list import load_classes
from pipeline.datasets.label_decisions import load_decisions
from pipeline.datasets.label_review import ReviewedSample, combine_decisions, rename_decisions
from pipeline.images.feedback_pictures import PREFIX
from pipeline.labelling.pool import apply_since

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

Value = str | float | bool


@final
@dataclass(frozen=True, kw_only=True)
class ExchangedSample:
    """One sample.

    Attributes:
        origin: Its path in the source.
        path: Where the export has it, as a POSIX path; the ending may follow when it is written.
        height: In pixels.
        width: In pixels.
        labels: Sorted; empty where nobody knows them, or none of the classes applies.
        is_negative: Whether somebody looked, and none of the classes applies.
        split: train, val, test or None.
        group: What must stay together, as the source says; None where it does not.
        attributes: Name to a text, a number or a truth value; missing ones are left out.
    """

    origin: str
    path: str
    height: int
    width: int
    labels: tuple[str, ...] = ()
    is_negative: bool = False
    split: str | None = None
    group: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_labelled(self) -> bool:
        return bool(self.labels) or self.is_negative


@final
@dataclass(frozen=True, kw_only=True)
class ExchangedSet:
    """All samples that take part, in the order of the manifest.

    Attributes:
        source: Name of the data set.
        media: image, clip or volume.
        classes: As people listed them, or else sorted; with those that a sample has nonetheless.
    """

    source: str
    media: str
    classes: tuple[str, ...]
    samples: tuple[ExchangedSample, ...]

    @property
    def folder(self) -> str:
        """That holds the samples, in formats that list them."""
        return f"{noun_of(self.media)}s"

    @property
    def attributes(self) -> list[str]:
        """The names of all, sorted."""
        return sorted({name for one in self.samples for name in one.attributes})

    @property
    def has_splits(self) -> bool:
        return any(one.split for one in self.samples)

    @property
    def has_groups(self) -> bool:
        return any(one.group for one in self.samples)

    @property
    def has_negatives(self) -> bool:
        return any(one.is_negative for one in self.samples)

    @property
    def has_several(self) -> bool:
        """Whether a sample has several labels, or none of them."""
        return self.has_negatives or any(len(one.labels) > 1 for one in self.samples)

    def free_name(self, name: str) -> str:
        """The name, with `_` before it as often as an attribute or a class has it."""
        while name in {*self.attributes, *self.classes}:
            name = f"_{name}"
        return name


def read_set(params: Params) -> ExchangedSet:
    """The samples of the manifest, with what people decided since; dropped ones are left out.

    Raises:
        UserError: `ingest` did not run, or a decision cannot be applied.
    """
    source = str(config.get_section(params, "source")["name"])
    manifest = artifacts.read_table(artifacts.MANIFEST)
    listed = load_classes(source)
    today, undecided = rename_decisions(load_decisions(source), listed)
    reviewed = combine_decisions(today)
    now = apply_since(manifest, reviewed, undecided, listed)
    parts = _parts(now)
    answers = _answers(now, reviewed)
    rows = np.flatnonzero(~now["is_dropped"].to_numpy(dtype=bool)).tolist()
    records = now.to_dict("records")
    names = [one for one in attribute_columns(now) if one != ORIGIN and not one.startswith(EXIF)]
    samples = tuple(
        ExchangedSample(
            origin=str(records[row]["path"]),
            path=str(records[row]["path"]).replace(PREFIX, "feedback_"),
            height=int(records[row]["height"]),
            width=int(records[row]["width"]),
            labels=tuple(sorted(records[row]["labels"])),
            is_negative=bool(records[row]["is_labelled"]) and not len(records[row]["labels"]),
            split=parts[row],
            group=None if pd.isna(records[row]["group"]) else str(records[row]["group"]),
            attributes=_values({name: records[row][name] for name in names} | answers.get(row, {})),
        )
        for row in rows
    )
    found = {name for one in samples for name in one.labels}
    first = [] if listed is None else listed.names
    media = str(manifest["media"].iloc[0]) if len(manifest) else "image"
    return ExchangedSet(source=source, media=media, classes=(*first, *sorted(found - set(first))), samples=samples)


def _parts(now: pd.DataFrame) -> list[str | None]:
    """The split of each sample: that of the last run, or of the source; None without one."""
    if artifacts.SPLITS.exists():
        splits = artifacts.read_table(artifacts.SPLITS).set_index("sample_id")["split"]
        found: Sequence[Any] = splits.reindex(now["sample_id"]).tolist()
    else:
        found = now["given_split"].tolist() if "given_split" in now else [None] * len(now)
    return [one if one in SPLITS else None for one in found]


def _answers(now: pd.DataFrame, reviewed: Mapping[str, ReviewedSample]) -> dict[int, dict[str, object]]:
    """Row to column to the answer that people give now."""
    position = {name: row for row, name in enumerate(now["sample_id"])}
    return {
        position[name]: {ATTRIBUTE + key: value for key, value in one.attributes.items()}
        for name, one in reviewed.items()
        if name in position and one.attributes
    }


def _values(row: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for column, value in row.items():
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None or plain is pd.NA or (isinstance(plain, float) and not np.isfinite(plain)):
            continue
        found[short_name(column)] = plain if isinstance(plain, (str, bool)) else float(plain)
    return found
