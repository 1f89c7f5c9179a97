"""The first screen: how many of 100 new pictures the model gets right, and the interval of that number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.evaluation.margin_text import BEYOND, CROSS, PROPERTIES, describe_margin, is_significantly_worse
from pipeline.report.formatting import Figure, figure
from pipeline.statistics.bootstrap import FEW_GROUPS

MAIN = ("accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "auroc_macro", "hamming_loss")
SUCH_PROPERTIES = "properties such as brightness, borders and file size"


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The accuracy of always predicting the most frequent class of test.

    Attributes:
        label: That class.
        value: The accuracy.
        verdict: What the model does in comparison, before `always predicting`; empty where no interval says it.
    """

    label: str
    value: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Cross:
    """Cross-validated figures of a linear classifier on frozen features, over the groups of all splits.

    Attributes:
        figures: The leading metric first; the last is that of the properties alone in the same folds, if measured.
        num_groups: Groups behind the leading metric.
        beyond: Their margin over the properties alone, in a sentence.
    """

    figures: list[Figure]
    num_groups: int
    beyond: str


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What the header shows.

    Attributes:
        leading: Figure of the accuracy, else of the first metric; None if there is no metric.
        main: The leading figure, then the other main ones.
        num_pictures: Pictures of test.
        num_groups: Groups of test.
        few_groups: Whether these are too few for a narrow interval.
        cross: The cross-validated figures; None if they were not computed.
        exact: Whether a picture is right only if all of its labels are.
        beyond: The margin of the model over the properties alone, in a sentence; empty if it was not measured.
        use: What that margin says of the model, as the end of a sentence; empty without an interval.
        guess: The accuracy to beat; None for several labels per picture.
    """

    leading: Figure | None
    main: list[Figure]
    num_pictures: int
    num_groups: int
    few_groups: bool
    cross: Cross | None
    exact: bool
    beyond: str
    use: str
    guess: Guess | None


def headline(
    metrics: dict[str, Estimate], lower_is_better: Collection[str], test: pd.DataFrame, single: bool
) -> Headline:
    """The header of the page.

    Args:
        metrics: `reports/test_metrics.json`.
        lower_is_better: Metrics that count mistakes; such a metric leads only if there is no other.
        test: Predictions of test.
        single: Whether every picture has exactly one true and one predicted label.
    """
    overall = _overall(metrics)
    first = leading_metric(metrics, lower_is_better)
    names = [] if first is None else [first, *(name for name in MAIN if name in overall and name != first)]
    figures = {name: figure(name, metrics[name], lower_is_better=name in lower_is_better) for name in names}
    leading = None if first is None else figures[first]
    num_groups = int(test["group"].nunique())
    return Headline(
        leading=leading,
        main=list(figures.values()),
        num_pictures=len(test),
        num_groups=num_groups,
        few_groups=num_groups < FEW_GROUPS,
        cross=_cross(metrics, names, lower_is_better),
        exact=not single,
        beyond=describe_margin(metrics.get(BEYOND), noun="{noun}"),
        use=_use(metrics.get(BEYOND)),
        guess=_guess(test, leading) if single and first == "accuracy" and len(test) else None,
    )


def leading_metric(metrics: Mapping[str, Estimate], lower_is_better: Collection[str]) -> str | None:
    """The accuracy, else the first metric of all classes, one that counts mistakes last; None without a metric."""
    ranked = sorted(_overall(metrics), key=lambda name: (name != "accuracy", name in lower_is_better))
    return next(iter(ranked), None)


def _overall(metrics: Mapping[str, Estimate]) -> list[str]:
    return [name for name in metrics if "/" not in name and name != BEYOND]


def _cross(metrics: dict[str, Estimate], names: list[str], lower_is_better: Collection[str]) -> Cross | None:
    available = [name for name in names if CROSS + name in metrics]
    if not available:
        return None
    figures = [figure(name, metrics[CROSS + name], lower_is_better=name in lower_is_better) for name in available]
    alone = metrics.get(f"{CROSS}{PROPERTIES}{available[0]}")
    if alone is not None:
        shown = figure(available[0], alone)
        figures.append(replace(shown, name=f"{shown.name} of the properties alone", note="a forest on the same folds"))
    return Cross(
        figures=figures,
        num_groups=metrics[CROSS + available[0]].groups,
        beyond=describe_margin(metrics.get(CROSS + BEYOND), "The balanced accuracy of these features", "{noun}"),
    )


def _guess(test: pd.DataFrame, leading: Figure | None) -> Guess:
    sizes = test["labels"].map(lambda labels: labels[0]).value_counts()
    label = min(sizes.index[sizes == sizes.max()])
    value = float(sizes.max() / len(test))
    return Guess(label=str(label), value=value, verdict=_verdict(leading, value))


def _verdict(leading: Figure | None, guess: float) -> str:
    if leading is None or leading.low is None or leading.high is None:
        return ""
    if leading.low > guess:
        return "does better than"
    return "does worse than" if leading.high < guess else "is not shown to do better than"


def _use(margin: Estimate | None) -> str:
    if margin is None or margin.low is None:
        return ""
    if margin.low > 0:
        return f"sees more than {SUCH_PROPERTIES}"
    if is_significantly_worse(margin):
        return f"does worse than a forest that sees only {SUCH_PROPERTIES}"
    return f"is not shown to see more than {SUCH_PROPERTIES}"


def of_hundred(value: float | None) -> str:
    """80 for 0.8048; with one decimal if rounding would give 0 or 100, but 100 for 0.9999."""
    if value is None:
        return "an undefined number"
    hundred = 100 * value
    text = f"{hundred:.1f}"
    return text if round(hundred) in (0, 100) and text not in ("0.0", "100.0") else f"{hundred:.0f}"
