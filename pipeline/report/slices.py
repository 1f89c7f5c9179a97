"""The section on slices: the parts of test where the model is weaker than overall."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.report.formatting import Figure, figure

NUM_SHOWN = 30


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One value of one attribute; `beyond` is the side of the overall figure on which its whole interval lies."""

    attribute: str
    value: str
    n: int
    figure: Figure
    beyond: str


@dataclass(frozen=True, kw_only=True)
class Slices:
    """What the section shows.

    Attributes:
        overall: The figure to compare with; None if there is no metric.
        rows: Slices with a figure, the worst first.
        undefined: Slices that are large enough but have no figure.
        small: Attribute, value and number of samples of slices that are too small.
        min_slice: Samples of the smallest slice with a figure.
    """

    overall: Figure | None
    rows: list[Slice]
    undefined: list[Slice]
    small: list[tuple[str, str, int]]
    min_slice: int
    num_shown: int = NUM_SHOWN

    @property
    def below(self) -> list[Slice]:
        return [one for one in self.rows if one.beyond == "below"]


def parts(
    table: pd.DataFrame, metrics: dict[str, Estimate], min_slice: int, lower_is_better: Collection[str]
) -> Slices:
    """The slices of test by one metric; never by one that counts mistakes.

    Args:
        table: `reports/slices.csv`.
        metrics: `reports/test_metrics.json`.
        min_slice: Samples of the smallest slice with a figure.
        lower_is_better: Metrics that count mistakes.
    """
    present = set(table["metric"])
    candidates = (
        "accuracy",
        "f1_macro",
        *(name for name in metrics if "/" not in name and name not in lower_is_better),
    )
    name = next((name for name in candidates if name in metrics and (name in present or not present)), None)
    if name is None:
        return Slices(overall=None, rows=[], undefined=[], small=[], min_slice=min_slice)
    overall = figure(name, metrics[name])
    entries = table[table["metric"] == name].to_dict("records")
    large = [_slice(name, row, overall) for row in entries if row["n"] >= min_slice]
    defined = [one for one in large if one.figure.value is not None]
    return Slices(
        overall=overall,
        rows=sorted(defined, key=lambda one: (one.figure.value or 0.0, one.attribute, one.value)),
        undefined=[one for one in large if one.figure.value is None],
        small=[(_words(row["attribute"]), str(row["slice"]), int(row["n"])) for row in entries if row["n"] < min_slice],
        min_slice=min_slice,
    )


def _slice(name: str, row: dict[str, Any], overall: Figure) -> Slice:
    own = figure(name, Estimate.from_json(row), reason="undefined on this slice")
    return Slice(
        attribute=_words(row["attribute"]),
        value=str(row["slice"]),
        n=int(row["n"]),
        figure=own,
        beyond=_beyond(own, overall.value),
    )


def _beyond(own: Figure, overall: float | None) -> str:
    if overall is None or own.low is None or own.high is None:
        return ""
    return "below" if own.high < overall else "above" if own.low > overall else ""


def _words(attribute: Any) -> str:
    return str(attribute).replace("_", " ")
