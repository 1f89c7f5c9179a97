"""The section on mistakes: the pictures with wrong decisions, the most confident first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import attribute_columns, short_name
from pipeline.report.formatting import brief, join_names, share
from pipeline.report.pictures import thumbnails

TINY = 64  # pixels; smaller pictures are enlarged without smoothing


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One picture and its decision; `true_score` is the lowest score of its true labels."""

    uri: str
    tiny: bool
    sample_id: str
    actual: str
    decided: str
    decided_score: str
    true_score: str
    attributes: list[tuple[str, str]]


def mistakes(worst: pd.DataFrame, images: dict[str, np.ndarray], classes: Sequence[str]) -> list[Mistake]:
    uris = thumbnails({name: images[name] for name in worst["sample_id"] if name in images})
    attributes = attribute_columns(worst)
    position = {name: column for column, name in enumerate(classes)}
    return [_mistake(row, uris, images, position, attributes) for row in worst.to_dict("records")]


def _mistake(
    row: dict[Any, Any],
    uris: dict[str, str],
    images: dict[str, np.ndarray],
    position: dict[str, int],
    attributes: list[str],
) -> Mistake:
    name = row["sample_id"]
    decided_scores = [share(float(row["scores"][position[label]])) for label in row["decided"]]
    values = [(short_name(column).replace("_", " "), row[column]) for column in attributes]
    return Mistake(
        uri=uris.get(name, ""),
        tiny=name in images and max(images[name].shape[:2]) < TINY,
        sample_id=name,
        actual=join_names(row["labels"]),
        decided=join_names(row["decided"]),
        decided_score=" and ".join(decided_scores),
        true_score=share(float(row["given"])) if len(row["labels"]) else "",
        attributes=[(attribute, brief(value)) for attribute, value in values if not _is_missing(value)],
    )


def _is_missing(value: Any) -> bool:
    return value is None or bool(np.isscalar(value) and pd.isna(value))
