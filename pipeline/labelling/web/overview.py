"""What the page shows around the pictures: classes, views, filters, progress, and one sample in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import attribute_columns, property_columns, short_name
from pipeline.core.sample_codec import noun_of
from pipeline.labelling.web.class_edits import list_version
from pipeline.labelling.web.views import VIEWS, Views

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.datasets.class_list import LabelClass
    from pipeline.labelling.web.pictures import PictureStore
    from pipeline.labelling.web.session import Session

MOST_NEIGHBOURS = 12
LONGEST_VALUE = 200  # characters of an attribute that are shown


def describe_project(session: Session, pictures: PictureStore, who: str, first_view: str) -> JsonObject:
    """All that the page needs before it shows samples."""
    codec = pictures.reader.codec
    manifest = session.manifest
    names = property_columns(manifest.columns)
    found = manifest[names].agg(["min", "max"]) if names else pd.DataFrame()
    return {
        "source": session.source,
        "manifest": session.digest,
        "media": codec.media,
        "noun": noun_of(codec.media),
        "exclusive": session.exclusive,
        "who": who,
        "view": first_view,
        "views": list(VIEWS),
        "num_samples": len(manifest),
        "splits": sorted(manifest["split"].astype(str).unique()),
        "properties": [
            {"name": short_name(name), "low": float(found.loc["min", name]), "high": float(found.loc["max", name])}
            for name in names
            if np.isfinite(found[name]).all()
        ],
        **describe_classes(session),
    }


def describe_classes(session: Session) -> JsonObject:
    """The classes in use, those that are retired, and how many samples each has."""
    with session.lock:
        counts: dict[str, int] = {}
        for names in session.state.labels_now():
            for name in names or ():
                counts[name] = counts.get(name, 0) + 1
        listed = session.state.classes
        retired = [] if listed is None else [entry for entry in listed.classes if entry.is_retired]
        return {
            "classes": [_describe_class(entry, counts.get(entry.name, 0)) for entry in session.classes],
            "retired": [_describe_class(entry, 0) for entry in retired],
            "are_listed": listed is not None,
            "classes_file": str(session.classes_path),
            "list_version": list_version(session.classes_path),
            "classes_version": session.classes_version,
        }


def describe_progress(session: Session, rows: np.ndarray, who: str) -> JsonObject:
    """How many of some samples are decided, by whom, and what stands in the way."""
    undo, redo = session.state.history.count(who)
    return {
        "version": session.state.version,
        "suggestions_version": session.suggestions_version,
        "classes_version": session.classes_version,
        "num_decided": int(session.state.is_decided[rows].sum()),
        "num_shown": len(rows),
        "undo": undo,
        "redo": redo,
        "annotators": session.state.history.people,
        "problems": session.problems,
    }


def describe_sample(session: Session, views: Views, pictures: PictureStore, row: int, who: str) -> JsonObject:
    """One sample with its properties, its attributes and the samples that are like it."""
    values = session.manifest.iloc[row]
    alike, cosines = views.alike(row, MOST_NEIGHBOURS + 1)
    with session.lock:
        seen = session.state.see(row, who)
        found = session.describe(row, who)
        reviewed = session.state.reviewed.get(session.state.ids[row])
        others = [] if seen.mine is None or reviewed is None else reviewed.decisions
        near = [
            {**session.describe(int(other), who), "cosine": round(float(cosine), 3)}
            for other, cosine in zip(alike.rows[1:], cosines[1:], strict=True)
        ]
    return {
        **found,
        "num_frames": pictures.num_frames(row),
        "size": [int(values[name]) for name in ("width", "height", "depth") if name in values],
        "properties": [[short_name(name), float(values[name])] for name in property_columns(values.index)],
        "facts": [
            [short_name(name), str(values[name])[:LONGEST_VALUE]]
            for name in attribute_columns(values.index)
            if not pd.isna(values[name])
        ],
        "decisions": [
            {"who": line.who, "when": line.when, "action": line.action, "labels": line.labels} for line in others
        ],
        "neighbours": near,
    }


def _describe_class(entry: LabelClass, count: int) -> JsonObject:
    return {
        "name": entry.name,
        "key": entry.key,
        "description": entry.description,
        "colour": entry.colour,
        "was": list(entry.was),
        "count": count,
        "attributes": [
            {"name": each.name, "kind": each.kind, "choices": list(each.choices)} for each in entry.attributes
        ],
        "attributes_text": "; ".join(map(str, entry.attributes)),
    }
