"""The tables of metrics: overall, and one row per class."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pipeline.core.estimate import Estimate
from pipeline.evaluation.margin_text import CROSS
from pipeline.report.formatting import PLAIN, Figure, figure

MAX_CLASSES = 200


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """The figures of one class; a metric that it lacks is None.

    Attributes:
        n: Pictures of the class in test.
        few: Whether these are fewer than an interval of the wanted width needs.
    """

    name: str
    n: int
    few: bool
    figures: list[Figure | None]

    @property
    def missing(self) -> str:
        """Why the class has no figure at all, where that is one reason; empty where it has one."""
        if any(one is None or one.value is not None for one in self.figures):
            return ""
        reasons = {one.reason for one in self.figures if one is not None}
        return reasons.pop() if len(reasons) == 1 else ""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All metrics.

    Attributes:
        overall: Figures of all classes together.
        columns: Name and note of each metric per class.
        classes: Sorted by the metric `order`, the weakest first.
        order: Name of that metric, in words.
        weakest: `Lowest`, or `Highest` where that metric counts mistakes: which of its figures come first.
        left_out: How many classes are not listed.
        num_few: How many classes, listed or not, have fewer than `needed` pictures in test.
        needed: Pictures that an interval of the wanted width needs.
    """

    overall: list[Figure]
    columns: list[tuple[str, str]]
    classes: list[ClassFigures]
    order: str
    weakest: str
    left_out: int
    num_few: int
    needed: int

    @property
    def caveats(self) -> list[tuple[str, str]]:
        """Each caveat after the names of the overall figures that have it; one that all share comes without names."""
        names: dict[str, list[str]] = {}
        for one in self.overall:
            if one.caveat:
                names.setdefault(one.caveat, []).append(one.name)
        is_shared = len(names) == 1 and sum(map(len, names.values())) > 1
        return [("" if is_shared else ", ".join(of), caveat) for caveat, of in names.items()]

    @property
    def without_interval(self) -> int:
        """How many figures of classes have a value but no interval."""
        figures = [one for row in self.classes for one in row.figures if one is not None]
        return sum(one.value is not None and one.low is None for one in figures)


def tables(
    metrics: dict[str, Estimate],
    classes: list[str],
    needed: int,
    lower_is_better: Collection[str],
    num_predicted: Mapping[str, int],
) -> Tables:
    """The figures of all classes together and of each class.

    Args:
        metrics: `reports/test_metrics.json`.
        classes: Names, in any order.
        needed: Pictures that the interval of a class needs to be as narrow as wanted.
        lower_is_better: Metrics that count mistakes.
        num_predicted: Class to the number of pictures predicted as it.
    """
    own = {name: entry for name, entry in metrics.items() if not name.startswith(CROSS)}
    per_class = list(dict.fromkeys(name.partition("/")[0] for name in own if "/" in name))
    first = "f1" if "f1" in per_class else next(iter(per_class), "")
    sign = -1.0 if first in lower_is_better else 1.0
    rows = sorted(
        (
            _row(label, per_class, own, num_predicted.get(label, 0))
            for label in classes
            if any(f"{name}/{label}" in own for name in per_class)
        ),
        key=lambda row: _weakness(row, per_class.index(first), sign),
    )
    return Tables(
        overall=[
            figure(name, entry, lower_is_better=name in lower_is_better)
            for name, entry in own.items()
            if "/" not in name
        ],
        columns=[PLAIN.get(name, (name.replace("_", " "), "")) for name in per_class],
        classes=rows[:MAX_CLASSES],
        order=PLAIN.get(first, (first.replace("_", " "), ""))[0],
        weakest="Highest" if first in lower_is_better else "Lowest",
        left_out=max(0, len(rows) - MAX_CLASSES),
        num_few=sum(row.few for row in rows),
        needed=needed,
    )


def _row(label: str, per_class: list[str], own: dict[str, Estimate], num_predicted: int) -> ClassFigures:
    entries = {name: own[f"{name}/{label}"] for name in per_class if f"{name}/{label}" in own}
    n = next(entry.n for entry in entries.values())
    of = {"recall": n, "precision": num_predicted}
    figures = [
        replace(figure(name, entries[name]), count=_count(entries[name].value, of.get(name, 0)))
        if name in entries
        else None
        for name in per_class
    ]
    return ClassFigures(name=label, n=n, few=any(one.few for one in entries.values()), figures=figures)


def _count(share: float | None, of: int) -> str:
    return f"{round(share * of):,} of {of:,}" if share is not None and of else ""


def _weakness(row: ClassFigures, column: int, sign: float) -> tuple[float, str]:
    figure = row.figures[column]
    return (math.inf if figure is None or figure.value is None else sign * figure.value, row.name)
