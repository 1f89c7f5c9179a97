"""Metrics by the names of their figures: what decides at the gate, and what a leaderboard compares by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import config, nouns
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Gate, Metric
from pipeline.core.suggestions import did_you_mean
from pipeline.evaluation.derived_metric import DerivedMetric, Measure

if TYPE_CHECKING:
    from pipeline.core.open_types import Params


@final
@dataclass(frozen=True, kw_only=True)
class ClassFigure(DerivedMetric):
    """What a metric per class gives for one class.

    Args:
        metric: One number per class.
        column: Of the class, from 0.
    """

    column: int
    averaging = "class"

    def derive(
        self, measure: Measure, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        return measure(targets, decided, scores, weights)[:, self.column]

    def support(self, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return super().support(targets, decided)[:, [self.column]]


def find_metric(params: Params, name: object, where: str, classes: Sequence[str] | None = None) -> Metric:
    """The metric whose figure has this name, as in reports/metrics.json: `f1_macro`, or `recall/defective` of a class.

    Args:
        params: All parameters; the section `metric` names the figures.
        name: Of the figure.
        where: Key of the name, for messages, as for `nouns.describe_place`.
        classes: Of the predictor, in its order; None where they are not known yet: the class is not checked then.

    Raises:
        UserError: There is no such figure, or it is one number per class and no class is named.
    """
    place = nouns.describe_place(where)
    metrics: dict[str, Metric] = config.build_all(params, "metric")
    known = [one if not metric.per_class else f"{one}/CLASS" for one, metric in metrics.items()]
    listed = ", ".join(known) or "none"
    if not isinstance(name, str):
        raise UserError(f"{place} must be the name of a figure, got {nouns.show_value(name)}; metric gives {listed}")
    base, _, label = name.partition("/")
    if base not in metrics:
        if base in config.get_section(params, "metric"):
            raise UserError(f"{place}: {base!r} is switched off by null in metric; metric gives {listed}")
        what = did_you_mean(base, metrics) or f"; metric gives {listed}"
        raise UserError(f"{place}: there is no figure {name!r}{what} (metric=[..., NAME] adds others)")
    metric = metrics[base]
    if not metric.per_class:
        if label:
            raise UserError(f"{place}: {base} is one number for all classes, got {name!r}; set {base}")
        return metric
    if not label:
        averaged = [one for one, other in metrics.items() if one.startswith(f"{base}_") and not other.per_class]
        instead = f", or one for all classes: {', '.join(averaged)}" if averaged else ""
        raise UserError(f"{place}: {base} is one number per class; name the class as in {base}/CLASS{instead}")
    if classes is not None and label not in classes:
        similar = did_you_mean(label, classes) or f"; the classes are {', '.join(classes[:20])}"
        raise UserError(f"{place}: there is no class {label!r}{similar}")
    return ClassFigure(metric=metric, column=classes.index(label) if classes else 0)


def build_gates(params: Params) -> dict[str, Gate]:
    """The gates that a promotion must pass, by name.

    Raises:
        UserError: There is none, none of them compares with the champion, or a value is refused.
    """
    gates: dict[str, Gate] = config.build_all(params, "gate")
    if not any(gate.is_proof for gate in gates.values()):
        proofs = "superior, not_inferior, shared_classes"
        raise UserError(
            f"params.yaml: gate has no gate that shows a gain, so no version would ever replace the champion; add "
            f"one of {proofs}: gate=[superior, ...]"
        )
    return gates


def metrics_of_gates(
    params: Params, gates: Mapping[str, Gate], classes: Sequence[str] | None = None
) -> dict[str, Metric]:
    """Name of a figure to its metric, for the figures that gates name in `metric`.

    Args:
        params: All parameters.
        gates: As `build_gates` returns them.
        classes: As for `find_metric`.

    Raises:
        UserError: There is no such figure.
    """
    named = {name: getattr(gate, "metric", None) for name, gate in gates.items()}
    return {
        figure: find_metric(params, figure, f"gate.{name}.metric", classes)
        for name, figure in named.items()
        if figure is not None
    }
