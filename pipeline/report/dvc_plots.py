"""`reports/plots/`: the curves of the report as lists of points, which `dvc plots` shows and compares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.evaluation.curve_text import DOUBLED, PERCENTS, POINT

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.estimate import Estimate
    from pipeline.core.open_types import JsonObject

SERIES = "series"  # by which .dvc/plots/series.json colours
Point = dict[str, str | float | int | None]


def write_plots(of_policy: JsonObject, metrics: Mapping[str, Estimate], robustness: pd.DataFrame) -> None:
    """Writes a file for each curve; one that was not measured holds a single point without values.

    DVC cannot show a file without points.

    Args:
        of_policy: `reports/policy_figures.json`.
        metrics: `reports/test_metrics.json`.
        robustness: `reports/robustness.csv`.
    """
    curves = {
        "reliability": list_reliability(of_policy),
        "risk_coverage": list_risks(of_policy),
        "learning_curve": list_sizes(metrics),
        "robustness": list_severities(robustness),
    }
    empty: dict[str, Point] = {
        "reliability": {SERIES: None, "score": None, "right": None, "count": 0},
        "risk_coverage": {"share": None, "accuracy": None, "confidence": None},
        "learning_curve": {SERIES: None, "pictures": None, "balanced_accuracy": None, "low": None, "high": None},
        "robustness": {SERIES: None, "severity": None, "accuracy": None, "low": None, "high": None},
    }
    with artifacts.atomic_write(artifacts.PLOTS) as folder:
        folder.mkdir()
        for name, points in curves.items():
            artifacts.write_json(folder / f"{name}.json", [*points] or [empty[name]])


def list_reliability(of_policy: JsonObject) -> list[Point]:
    """How often a decision was right at each score, before and after calibration; empty bins are left out."""
    return [
        {SERIES: f"{when} calibration", "score": one["mean_score"], "right": one["right"], "count": one["count"]}
        for when, bins in of_policy["reliability"].items()
        for one in bins
        if one["count"]
    ]


def list_risks(of_policy: JsonObject) -> list[Point]:
    """The accuracy of the decisions that are sure enough, over the share that they are of all."""
    return [{name: one[name] for name in ("share", "accuracy", "confidence")} for one in of_policy["risk_curve"]]


def list_sizes(metrics: Mapping[str, Estimate]) -> list[Point]:
    """The figure of the linear probe over the number of pictures that it was trained on."""
    found = {percent: metrics.get(POINT.format(percent)) for percent in (*PERCENTS, DOUBLED)}
    return [
        {
            SERIES: "predicted" if percent == DOUBLED else "measured",
            "pictures": one.n,
            "balanced_accuracy": one.value,
            "low": one.low,
            "high": one.high,
        }
        for percent, one in found.items()
        if one is not None and one.value is not None
    ]


def list_severities(robustness: pd.DataFrame) -> list[Point]:
    """The accuracy on corrupted pictures of test over the severity; each curve begins with the pictures as they are."""
    rows = robustness.astype(object).where(robustness.notna(), None).to_dict("records")
    clean = [one for one in rows if one["severity"] == 0]
    names = dict.fromkeys(one["corruption"] for one in rows if one["severity"] != 0)
    return [_severity(name, one) for name in names for one in [*clean, *_of(rows, name)]]


def _of(rows: Iterable[Mapping[str, object]], name: str) -> list[Mapping[str, object]]:
    return [one for one in rows if one["corruption"] == name]


def _severity(name: str, row: Mapping[str, object]) -> Point:
    numbers = {key: row[column] for key, column in (("accuracy", "value"), ("low", "low"), ("high", "high"))}
    return {SERIES: name, "severity": int(str(row["severity"])), **{key: _number(one) for key, one in numbers.items()}}


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
