"""`reports/data_sheet.md`: the data sheet of the data set, from artifacts and what a person wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core.manifest_schema import (
    EXIF,
    NONE,
    OF_LABEL,
    POOL,
    SPLITS,
    attribute_columns,
    property_column,
    short_name,
)
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.images.decoding import REJECTION_REASONS
from pipeline.images.feedback_pictures import is_feedback
from pipeline.media.choice import media_of_card
from pipeline.report.card_texts import CardTexts, join_sections
from pipeline.report.labelling import list_facts
from pipeline.report.markdown import bullets, escape, table

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject
    from pipeline.core.results import StoredFinding

SOURCE = "Gebru et al. 2021, doi:10.1145/3458723"
TEXTS = tuple(f"data_{name}" for name in ("motivation", "collection", "people", "license", "citation", "maintenance"))
MAX_CLASSES, MAX_VALUES = 50, 8
EXTENTS = {  # of each media: column of the manifest, name, unit
    "clip": (
        (property_column("num_frames"), "frames", ""),
        (property_column("duration"), "duration", "s"),
        (property_column("fps"), "frames a second", ""),
    ),
    "volume": (
        ("depth", "slices", ""),
        (property_column("spacing_depth"), "spacing along the slices", "mm"),
        (property_column("spacing_height"), "spacing of rows", "mm"),
        (property_column("spacing_width"), "spacing of columns", "mm"),
    ),
}
STORED = {"num_frames": "frame", "depth": "slice"}  # of the card of stored samples
BY_PERSON = ("keep", "relabel", "drop", "label")  # what a person decided, in the column `decision`


@dataclass(frozen=True, kw_only=True, eq=False)
class DataFacts:
    """What the sheet is made of.

    Attributes:
        name: Of the data set.
        samples: The manifest with the column `split`.
        quarantine: Refused items.
        findings: Of both groups of checks.
        num_suspects: Labels that a model doubts.
        packing: How pictures are stored for training, as the card has it.
        data_hash: Digest of pictures, labels and splits.
        labelling: `reports/labelling.json`.
    """

    name: str
    samples: pd.DataFrame
    quarantine: pd.DataFrame
    findings: Mapping[str, StoredFinding]
    num_suspects: int
    packing: JsonObject
    data_hash: str
    labelling: JsonObject

    @property
    def noun(self) -> str:
        """What a sample is called."""
        return noun_of(media_of_card(self.packing))


def data_sheet(facts: DataFacts, texts: CardTexts) -> str:
    """The sheet in Markdown, with the sections of Gebru et al.; the same text for the same facts."""
    return join_sections(
        f"Data sheet: {escape(facts.name)}",
        f"The sections are those of {SOURCE}. Counts are of the data as the pipeline read them; the checks are in "
        "[data checks](checks.html) and [content checks](curation.html).",
        [
            ("Motivation", [texts.text("data_motivation")]),
            (
                "Composition",
                [
                    _composition(facts),
                    _classes(facts),
                    _attributes(facts),
                    _known_problems(facts),
                    _write_fact("People", texts.text("data_people")),
                ],
            ),
            ("Collection process", [texts.text("data_collection")]),
            ("Preprocessing, cleaning and labelling", [_preprocessing(facts)]),
            ("Uses", [_uses(facts)]),
            (
                "Distribution",
                [
                    _write_fact("License", texts.text("data_license")),
                    _write_fact("Citation", texts.text("data_citation")),
                ],
            ),
            (
                "Maintenance",
                [
                    texts.text("data_maintenance"),
                    f"Data hash: `{escape(facts.data_hash)}`; it changes with every {facts.noun}, label and split.",
                ],
            ),
        ],
        texts.missing(TEXTS),
    )


def _write_fact(name: str, text: str) -> str:
    return f"**{name}**: {text}" if text else ""


def _composition(facts: DataFacts) -> str:
    samples = facts.samples
    labels = samples["labels"].map(len)
    per_picture = "one label each" if (labels == 1).all() else f"{labels.min()} to {labels.max()} labels each"
    lines = [f"{count_of(len(samples), facts.noun)}, {per_picture}; {int((labels == 0).sum()):,} without a label"]
    if samples["group"].notna().any():
        sizes = samples["group"].value_counts()
        lines.append(
            f"{count_of(len(sizes), 'group')} of {sizes.min():,} to {sizes.max():,} {facts.noun}s, which share a split"
        )
    formats = ", ".join(f"{count:,} {escape(name)}" for name, count in samples["format"].value_counts().items())
    sides = [
        f"{samples[side].min():,} to {samples[side].max():,}"
        if samples[side].nunique() > 1
        else f"{samples[side].iloc[0]:,}"
        for side in ("width", "height")
    ]
    channels = " and ".join(
        {1: "grey", 3: "colour"}.get(int(one), f"{one} channels") for one in sorted(samples["channels"].unique())
    )
    lines.append(f"{formats}; {sides[0]} x {sides[1]} pixels; {channels}")
    return bullets([*lines, *_extents(samples, media_of_card(facts.packing))])


def _extents(samples: pd.DataFrame, media: str) -> list[str]:
    """Minimum, median and maximum of the lengths that clips or volumes have and pictures do not."""
    lines = []
    for column, name, unit in EXTENTS.get(media, ()):
        known = samples[column].dropna() if column in samples else samples.iloc[:0, 0]
        missing = len(samples) - len(known)
        if known.empty:
            lines.append(f"{name}: unknown")
            continue
        low, middle, high = (f"{one:,.4g}{unit and ' '}{unit}" for one in (known.min(), known.median(), known.max()))
        lines.append(f"{name}: {low} to {high}, median {middle}" + (f"; unknown of {missing:,}" if missing else ""))
    return lines


def _classes(facts: DataFacts) -> str:
    pairs = facts.samples[["labels", "split"]].explode("labels").dropna(subset=["labels"])
    counts = pairs.groupby(["labels", "split"]).size().unstack(fill_value=0).reindex(columns=list(SPLITS), fill_value=0)
    counts["all"] = pairs["labels"].value_counts()
    counts = counts.sort_values("all", ascending=False, kind="stable")
    rows = [
        (name, *(f"{count:,}" for count in row))
        for name, row in zip(counts.index[:MAX_CLASSES], counts.to_numpy(), strict=False)
    ]
    more = len(counts) - len(rows)
    return table(("Class", *SPLITS, "All"), rows) + (
        f"\n\n{count_of(more, 'smaller class', 'smaller classes')} not listed." if more else ""
    )


def _attributes(facts: DataFacts) -> str:
    lines = []
    for column in attribute_columns(facts.samples):
        values = facts.samples[column].dropna()
        origin = (
            "from the file"
            if column.startswith(EXIF)
            else "of the label"
            if column.startswith(OF_LABEL)
            else "from the source"
        )
        shown = count_of(values.nunique(), "value")
        if 0 < values.nunique() <= MAX_VALUES:
            shown = ", ".join(f"{escape(value)} ({count:,})" for value, count in values.value_counts().items())
        missing = len(facts.samples) - len(values)
        lines.append(
            f"**{escape(short_name(column))}** ({origin}): {shown}" + (f"; {missing:,} without" if missing else "")
        )
    return f"Attributes of the {facts.noun}s:\n\n" + bullets(lines) if lines else ""


def _known_problems(facts: DataFacts) -> str:
    lines = [
        f"{escape(name.replace('_', ' '))}: {escape(one.sentence or one.unit)}"
        for name, one in facts.findings.items()
        if one.state == "failed"
    ]
    if facts.num_suspects:
        lines.append(
            f"{count_of(facts.num_suspects, 'label')} that a model doubts are listed in `reports/label_suspects.csv`"
        )
    return "Known problems, as the checks found them:\n\n" + bullets(lines) if lines else "The checks found no problem."


def _preprocessing(facts: DataFacts) -> str:
    lines = []
    for reason, count in facts.quarantine["reason"].value_counts().items():
        meaning = REJECTION_REASONS.get(str(reason), str(reason))
        lines.append(f"{count_of(int(count), 'item')} refused: {escape(meaning)}")
    if "decision" in facts.samples and (changed := int(facts.samples["decision"].isin(BY_PERSON).sum())):
        lines.append(f"{count_of(changed, 'label')} decided by a person, in `data/label_decisions/`")
    lines += [escape(line) for line in list_facts(facts.labelling)]
    is_added = facts.samples["sample_id"].map(is_feedback).astype(bool)
    added = facts.samples[is_added]
    if len(added):
        counts = ", ".join(f"{count:,} in {name}" for name, count in added["split"].value_counts().items())
        lines.append(
            f"{count_of(len(added), facts.noun)} from feedback ({counts.replace(' in none', ' in no split')}): people "
            "correct what they look at, mostly mistakes, so these are no random sample"
        )
    left_out = facts.samples[(facts.samples["split"] == NONE) & ~is_added]
    has_label = left_out["labels"].map(len) > 0
    if num := int(has_label.sum()):
        lines.append(f"{count_of(num, facts.noun)} in no split, since they resemble {facts.noun}s of two splits")
    if num := int((~has_label).sum()):
        lines.append(
            f"{count_of(num, facts.noun)} without a label in no split: like {facts.noun}s of val or test, "
            "or given to them by the source"
        )
    if {"size", "fit"} <= facts.packing.keys():
        lines.append(
            f"Stored for training at {facts.packing['size']} pixels ({escape(facts.packing['fit'])}){_depth(facts)}"
        )
    return bullets(lines) if lines else ""


def _depth(facts: DataFacts) -> str:
    """How many frames or slices are stored; empty of pictures."""
    known = {**(facts.packing.get("media") or {}), **facts.packing}
    found = [count_of(int(known[key]), noun) for key, noun in STORED.items() if isinstance(known.get(key), int)]
    return "".join(f", {one} of each {facts.noun}" for one in found)


def _uses(facts: DataFacts) -> str:
    parts = ", ".join(f"{int((facts.samples['split'] == name).sum()):,} {name}" for name in SPLITS)
    shortcuts = [
        one.sentence
        for name, one in facts.findings.items()
        if name in ("shortcut", "property_baseline") and one.state == "failed" and one.sentence
    ]
    lines = [f"Classification of {facts.noun}s; split into {parts}"]
    if pooled := int((facts.samples["split"] == POOL).sum()):
        lines.append(f"{count_of(pooled, facts.noun)} without a label: for pretraining alone, never for a figure")
    lines += [f"Before another use: {escape(text)}" for text in shortcuts]
    return bullets(lines)
