"""The part on unequal classes: the figure of each option on val, and the option that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.report.formatting import SPACE, Figure, figure, number_or_none


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option; `behind` is its distance to the best, in words."""

    name: str
    figure: Figure
    behind: str
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class Imbalance:
    """What the section shows.

    Attributes:
        metric: Name of the metric, in words.
        note: Its meaning.
        chosen: Name of the option that training used.
        best: Name of the option with the highest figure.
        num_epochs: Of each trial; None if training has no epochs.
        options: In the order of conf/, the simplest first.
    """

    metric: str
    note: str
    chosen: str
    best: str
    num_epochs: int | None
    options: list[Option]


def imbalance(table: pd.DataFrame) -> Imbalance | None:
    """The content of `reports/imbalance.csv`; None if there was nothing to choose."""
    if table.empty:
        return None
    rows: list[dict[Any, Any]] = table.to_dict("records")
    options = [_option(row) for row in rows]
    epochs = number_or_none(rows[0]["epochs"])
    return Imbalance(
        metric=options[0].figure.name,
        note=options[0].figure.note,
        chosen=next(one.name for one in options if one.chosen),
        best=max(options, key=lambda one: -1.0 if one.figure.value is None else one.figure.value).name,
        num_epochs=None if epochs is None else int(epochs),
        options=options,
    )


def _option(row: dict[Any, Any]) -> Option:
    return Option(
        name=str(row["option"]).replace("_", " "),
        figure=figure(str(row["metric"]), Estimate.from_json({**row, "n": 1}), reason="undefined on val"),
        behind=_behind(
            number_or_none(row["behind_best"]), number_or_none(row["behind_low"]), number_or_none(row["behind_high"])
        ),
        chosen=bool(row["chosen"]),
    )


def _behind(value: float | None, low: float | None, high: float | None) -> str:
    if not value:
        return ""
    between = "" if low is None or high is None else f", {100 * low:.1f} to {100 * high:.1f}"
    return f"{100 * value:.1f}{between}{SPACE}points"
