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
    """One value of one attribute; `beyond` says on which side of the overall figure its whole interval lies."""

    attribute: str
    value: str
    n: int
    figure: Figure
    beyond: str


@dataclass(frozen=True, kw_only=True)
class Slices:
    """What the section shows.

    Attributes:
        overall: The figure to compare with; None when there is no metric.
        judged: Worst first.
        undefined: Large enough, yet without a figure.
        small: Attribute, value and number of slices that are too small.
        min_slice: Smallest slice with a figure.
    """

    overall: Figure | None
    judged: list[Slice]
    undefined: list[Slice]
    small: list[tuple[str, str, int]]
    min_slice: int
    num_shown: int = NUM_SHOWN

    @property
    def below(self) -> list[Slice]:
        return [one for one in self.judged if one.beyond == "below"]


def parts(
    table: pd.DataFrame, metrics: dict[str, Estimate], min_slice: int, lower_is_better: Collection[str]
) -> Slices:
    """The parts of test by one metric, none that counts mistakes.

    Args:
        table: `reports/slices.csv`.
        metrics: `reports/test_metrics.json`.
        min_slice: Samples of a part that has a figure.
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
        return Slices(overall=None, judged=[], undefined=[], small=[], min_slice=min_slice)
    overall = figure(name, metrics[name])
    rows = table[table["metric"] == name].to_dict("records")
    large = [_slice(name, row, overall) for row in rows if row["n"] >= min_slice]
    judged = [one for one in large if one.figure.value is not None]
    return Slices(
        overall=overall,
        judged=sorted(judged, key=lambda one: (one.figure.value or 0.0, one.attribute, one.value)),
        undefined=[one for one in large if one.figure.value is None],
        small=[(_words(row["attribute"]), str(row["slice"]), int(row["n"])) for row in rows if row["n"] < min_slice],
        min_slice=min_slice,
    )


def _slice(name: str, row: dict[str, Any], overall: Figure) -> Slice:
    found = figure(name, Estimate.from_json(row), reason="undefined on this part")
    return Slice(
        attribute=_words(row["attribute"]),
        value=str(row["slice"]),
        n=int(row["n"]),
        figure=found,
        beyond=_beyond(found, overall.value),
    )


def _beyond(found: Figure, overall: float | None) -> str:
    if overall is None or found.low is None or found.high is None:
        return ""
    return "below" if found.high < overall else "above" if found.low > overall else ""


def _words(attribute: Any) -> str:
    return str(attribute).replace("_", " ")
