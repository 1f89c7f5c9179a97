"""The section on mistakes: the pictures with wrong decisions, the most confident first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import attribute_columns, short_name
from pipeline.report.formatting import brief, join_names, share
from pipeline.report.pictures import Picture, gallery


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One picture and its decision; `true_score` is the lowest score of its true labels."""

    picture: Picture
    actual: str
    decided: str
    decided_score: str
    true_score: str
    attributes: list[tuple[str, str]]


def mistakes(
    worst: pd.DataFrame, images: dict[str, np.ndarray], classes: Sequence[str], links: Mapping[str, str] | None = None
) -> list[Mistake]:
    """The worst mistakes with their pictures, as far as these are available, and links to their files."""
    pictures = gallery({name: images[name] for name in worst["sample_id"] if name in images}, links)
    attributes = attribute_columns(worst)
    position = {name: column for column, name in enumerate(classes)}
    return [_mistake(row, pictures, position, attributes) for row in worst.to_dict("records")]


def _mistake(
    row: dict[Any, Any], pictures: dict[str, Picture], position: dict[str, int], attributes: list[str]
) -> Mistake:
    name = row["sample_id"]
    decided_scores = [share(float(row["scores"][position[label]])) for label in row["decided"]]
    values = [(short_name(column).replace("_", " "), row[column]) for column in attributes]
    return Mistake(
        picture=pictures.get(name, Picture(sample_id=name)),
        actual=join_names(row["labels"]),
        decided=join_names(row["decided"]),
        decided_score=" and ".join(decided_scores),
        true_score=share(float(row["given"])) if len(row["labels"]) else "",
        attributes=[(attribute, brief(value)) for attribute, value in values if not _is_missing(value)],
    )


def _is_missing(value: Any) -> bool:
    return value is None or bool(np.isscalar(value) and pd.isna(value))
