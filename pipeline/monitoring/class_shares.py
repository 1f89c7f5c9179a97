"""Shares of classes on both sides, as true or predicted labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.drift_report import Chance, DriftMeasure
from pipeline.monitoring.verdict import decide

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

OTHER = "other"  # row of the pictures that have none of the classes


def to_shares(marks: np.ndarray, exclusive: bool) -> np.ndarray:
    """(N, K) float32, whose means are shares; of exclusive classes (N, K + 1), the last for those of no known class.

    Args:
        marks: (N, K) bool, which class each picture has; a class that the model does not know has no column.
        exclusive: Whether each picture has one class.
    """
    if not exclusive:
        return marks.astype(np.float32)
    return np.column_stack([marks, ~marks.any(axis=1)]).astype(np.float32)


def share_distances(reference: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(R, K + 1): the total variation of (R, K) shares of both sides, then the change of each class."""
    changes = np.abs(new - reference)  # of exclusive classes K counts that of no known class, too
    return np.concatenate([changes.sum(axis=1, keepdims=True) / 2, changes], axis=1)


def measure_shares(
    name: str,
    what: str,
    marks: tuple[np.ndarray, np.ndarray],
    classes: tuple[str, ...],
    exclusive: bool,
    chance: Chance,
    limit: float,
    wanted: float,
) -> DriftMeasure:
    """The measure of the shares of K classes.

    Args:
        name: Of the measure.
        what: Whose shares they are: `classes`, `predicted classes`.
        marks: (N, K) bool of the reference and of the new pictures: which class each has.
        classes: K names.
        exclusive: Whether each picture has one class: the value is then the total variation, else the largest change.
        chance: Of `share_distances` of `to_shares`.
        limit: Largest value that counts as no drift.
        wanted: The value that should be found.
    """
    first = 0 if exclusive else 1 + int(np.argmax(chance.distances[1:]))
    value, reach = float(chance.distances[first]), float(chance.significant_from[first])
    used = slice(None) if exclusive else slice(1, None)
    p_value = float(chance.p_values[used].min())
    detectable = float(chance.detectable[0] if exclusive else chance.detectable[1:].max())
    verdict = decide(p_value <= chance.alpha and value > limit, chance, detectable, wanted)
    rows = _rows([to_shares(one, exclusive) for one in marks], name_columns(classes, exclusive), len(classes), chance)
    return DriftMeasure(
        name=name,
        unit=f"share of pictures whose {what} would have to change (0 to 1)"
        if exclusive
        else "largest change of the share of a label",
        value=value,
        low=max(0.0, value - reach) if np.isfinite(reach) else None,
        high=min(1.0, value + reach) if np.isfinite(reach) else None,
        p_value=p_value,
        limit=limit,
        wanted=wanted,
        state=verdict.state,
        detectable=verdict.detectable,
        needed=verdict.needed,
        needed_unit=verdict.needed_unit,
        sentence=_sentence(what, rows, verdict.state, verdict.reason),
        details=tuple(rows),
    )


def name_columns(classes: tuple[str, ...], exclusive: bool) -> tuple[str, ...]:
    """The names of the columns of `to_shares`."""
    if not exclusive:
        return classes
    return (*classes, OTHER if OTHER not in classes else f"{OTHER} than these")


def _rows(found: list[np.ndarray], names: tuple[str, ...], num_known: int, chance: Chance) -> list[JsonObject]:
    """A row for each class, the largest change first; that of no known class only where a picture has none."""
    shares = [one.mean(axis=0) for one in found]
    rows = [
        {
            "class": name,
            "reference": round(float(shares[0][column]), 5),
            "new": round(float(shares[1][column]), 5),
            "p": round(float(chance.p_values[column + 1]), 5),
        }
        for column, name in enumerate(names)
        if column < num_known or shares[0][column] or shares[1][column]
    ]
    return sorted(rows, key=lambda row: -abs(row["new"] - row["reference"]))


def _sentence(what: str, rows: list[JsonObject], state: str, reason: str) -> str:
    first = rows[0]
    now, before = 100 * first["new"], 100 * first["reference"]
    change = f"{first['class']} is {now:.1f} % of the new pictures, {before:.1f} % before"
    if state == "drifted":
        return f"The shares of {what} differ: {change}."
    if state == "not_shown":
        return f"The shares of {what} are not shown to differ; most changed: {change}."
    return f"Whether the shares of {what} differ cannot be judged; {change}. {reason}"
