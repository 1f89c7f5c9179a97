"""The tables of metrics: overall, and one row per class."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.core.estimate import Estimate
from pipeline.core.terminal import count_of
from pipeline.evaluation.margin_text import CROSS
from pipeline.report.formatting import PLAIN, Figure, figure

MAX_CLASSES = 200


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """The figures of one class; a metric that it lacks is None."""

    name: str
    n: int
    figures: list[Figure | None]


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All metrics.

    Attributes:
        overall: Figures of all classes together.
        columns: Name and note of each metric per class.
        classes: Sorted by the metric `order`, the weakest first.
        order: Name of that metric, in words.
        left_out: How many classes are not listed.
        not_evaluable: How many classes, listed or not, have too few samples in test for figures of their own.
    """

    overall: list[Figure]
    columns: list[tuple[str, str]]
    classes: list[ClassFigures]
    order: str
    left_out: int
    not_evaluable: int

    @property
    def caveats(self) -> list[tuple[str, str]]:
        """Name and caveat of each overall figure that has one; if all share a caveat, it comes once, without a name."""
        named = [(one.name, one.caveat) for one in self.overall if one.caveat]
        texts = {text for _, text in named}
        return [("", texts.pop())] if len(texts) == 1 and len(named) > 1 else named

    @property
    def without_interval(self) -> int:
        """How many figures of classes have a value but no interval."""
        figures = [one for row in self.classes for one in row.figures if one is not None]
        return sum(one.value is not None and one.low is None for one in figures)


def tables(metrics: dict[str, Estimate], classes: list[str], needed: int, lower_is_better: Collection[str]) -> Tables:
    """The figures of all classes together and of each class.

    Args:
        metrics: `reports/test_metrics.json`.
        classes: Names, in any order.
        needed: Samples that a class needs in test for figures of its own.
        lower_is_better: Metrics that count mistakes.
    """
    own = {name: entry for name, entry in metrics.items() if not name.startswith(CROSS)}
    per_class = list(dict.fromkeys(name.partition("/")[0] for name in own if "/" in name))
    first = "f1" if "f1" in per_class else next(iter(per_class), "")
    rows = sorted(
        (
            _row(label, per_class, own, needed)
            for label in classes
            if any(f"{name}/{label}" in own for name in per_class)
        ),
        key=lambda row: _weakness(row, per_class.index(first)),
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
        left_out=max(0, len(rows) - MAX_CLASSES),
        not_evaluable=sum(0 < row.n < needed for row in rows),
    )


def _row(label: str, per_class: list[str], own: dict[str, Estimate], needed: int) -> ClassFigures:
    entries = [(name, own.get(f"{name}/{label}")) for name in per_class]
    return ClassFigures(
        name=label,
        n=next(entry.n for _, entry in entries if entry is not None),
        figures=[
            None if entry is None else figure(name, entry, _explain_missing(entry, needed)) for name, entry in entries
        ],
    )


def _explain_missing(entry: Estimate, needed: int) -> str:
    """Why a class has no figure, if it has too few pictures; else empty."""
    return f"not evaluable: {count_of(entry.n, 'picture')}, {needed} needed" if 0 < entry.n < needed else ""


def _weakness(row: ClassFigures, column: int) -> tuple[float, str]:
    weakest = row.figures[column]
    return (2.0 if weakest is None or weakest.value is None else weakest.value, row.name)
