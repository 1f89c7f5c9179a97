"""The section on mistakes: wrong decisions, the most confident first, and right ones, the least confident first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import attribute_columns, short_name
from pipeline.core.policy import confidence_of
from pipeline.core.predictions import Predictions
from pipeline.features.training_neighbours import Neighbour
from pipeline.report.formatting import attribute_words, brief, join_names, share
from pipeline.report.pictures import Picture, gallery

NEIGHBOUR_SIDE = 72  # pixels of a neighbour
MAX_BYTES = 600_000  # of all neighbours together


@dataclass(frozen=True, kw_only=True)
class SimilarPicture:
    """A picture of train near a mistake: its labels, whether they are the decided ones, and how similar it is."""

    picture: Picture
    labels: str
    as_decided: bool
    similarity: str


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One picture and its decision; `true_score` is the lowest score of its true labels."""

    picture: Picture
    actual: str
    decided: str
    decided_score: str
    true_score: str
    attributes: list[tuple[str, str]]
    neighbours: Sequence[SimilarPicture] = ()


def mistakes(
    worst: pd.DataFrame,
    images: dict[str, np.ndarray],
    classes: Sequence[str],
    links: Mapping[str, str] | None = None,
    neighbours: Mapping[str, Sequence[Neighbour]] | None = None,
) -> list[Mistake]:
    """Decisions with their pictures, as far as these are available, and links to their files.

    Args:
        worst: Rows of the predictions with `given`, the lowest score of the true labels.
        images: sample_id to picture, of the rows and of their neighbours.
        classes: Of the model.
        links: sample_id to the address of its file.
        neighbours: sample_id to its nearest neighbours in train.
    """
    near = neighbours or {}
    pictures = gallery({name: images[name] for name in worst["sample_id"] if name in images}, links)
    names = dict.fromkeys(one.sample_id for row in worst["sample_id"] for one in near.get(row, ()))
    small = gallery({name: images[name] for name in names if name in images}, links, max_bytes=MAX_BYTES)
    attributes = attribute_columns(worst)
    position = {name: column for column, name in enumerate(classes)}
    return [
        _mistake(row, pictures, position, attributes, _similar(row, near.get(row["sample_id"], ()), small))
        for row in worst.to_dict("records")
    ]


def least_confident_hits(samples: pd.DataFrame, classes: list[str], num: int, exclusive: bool) -> pd.DataFrame:
    """Right decisions, the least confident first, with `given` as `worst_mistakes` has it.

    Args:
        samples: Rows of the predictions.
        classes: K names.
        num: Of the hits, at most.
        exclusive: Whether each sample has exactly one label.
    """
    found = Predictions.of(samples, classes)
    scores = found.scores.astype(float)
    confidence = confidence_of(scores, found.decided, exclusive)
    given = np.where(found.targets > 0, scores, np.inf).min(axis=1, initial=np.inf)
    table = samples.assign(given=np.where(np.isfinite(given), given, 0.0), confidence=confidence)[found.is_right]
    return table.sort_values(["confidence", "sample_id"]).drop(columns="confidence").head(num).reset_index(drop=True)


def _mistake(
    row: dict[Any, Any],
    pictures: dict[str, Picture],
    position: dict[str, int],
    attributes: list[str],
    neighbours: list[SimilarPicture],
) -> Mistake:
    name = row["sample_id"]
    decided_scores = [share(float(row["scores"][position[label]])) for label in row["decided"]]
    values = [(attribute_words(short_name(column)), row[column]) for column in attributes]
    return Mistake(
        picture=pictures.get(name, Picture(sample_id=name)),
        actual=join_names(row["labels"]),
        decided=join_names(row["decided"]),
        decided_score=" and ".join(decided_scores),
        true_score=share(float(row["given"])) if len(row["labels"]) else "",
        attributes=[(attribute, brief(value)) for attribute, value in values if not _is_missing(value)],
        neighbours=neighbours,
    )


def _similar(row: dict[Any, Any], near: Sequence[Neighbour], pictures: dict[str, Picture]) -> list[SimilarPicture]:
    return [
        SimilarPicture(
            picture=pictures.get(one.sample_id, Picture(sample_id=one.sample_id)),
            labels=join_names(one.labels),
            as_decided=sorted(one.labels) == sorted(row["decided"]),
            similarity=f"{one.similarity:.2f}",
        )
        for one in near
    ]


def _is_missing(value: Any) -> bool:
    return value is None or bool(np.isscalar(value) and pd.isna(value))
