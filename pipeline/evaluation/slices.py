"""Figures of slices of test: where the model is weaker than on the rest, and what could not have been found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.predictions import Predictions
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.mistake_order import order_mistakes
from pipeline.evaluation.slice_accuracy import estimate_accuracy, group_in_blocks
from pipeline.evaluation.slice_candidates import Candidate
from pipeline.evaluation.slice_repeats import find_repeats
from pipeline.evaluation.slice_search import WEAKER, Search, search_slices
from pipeline.statistics.bootstrap import Bootstrap

FIGURES = ("value", "low", "high", "caveat")
SEARCH = ("rest", "p", "found_from", "verdict", "repeats", "mistakes")
NUM_MISTAKES = 4  # of each weak slice that are named
COLUMNS = ["attribute", "slice", "n", "groups", "metric", *FIGURES, *SEARCH]
ACCURACY = "accuracy"  # the one metric of groups, properties and pairs; of one class it is its recall


def slice_table(
    slices: Sequence[Candidate],
    predictions: Predictions,
    metrics: dict[str, Metric],
    bootstrap: Bootstrap,
    min_slice: int,
) -> pd.DataFrame:
    """One row per slice and metric; the accuracy of each slice is compared with the rest of test.

    Classes and values of attributes have every metric that is not per class, the others the accuracy. A slice with one
    class has no metric that is a mean over classes. `accuracy` must be among the metrics for a comparison.

    Args:
        slices: Of `list_slices`.
        predictions: Predictions of test.
        metrics: Name to metric.
        bootstrap: Its seed is that of the permutations, and of the blocks that more than 100 groups are put into.
        min_slice: Fewest samples of a slice with figures.

    Returns:
        `attribute`, `slice`, `n`, `groups`, `metric`, `value`, `low`, `high`, `caveat`; no figure where n is below
        `min_slice`, no interval where fewer than 5 groups hold the slice. For the accuracy also `rest` (that of all
        other samples), `p`, `found_from` and `verdict` of `Search`; for a weak slice `repeats`, as `attribute = value`,
        where it repeats another one (`find_repeats`), else `mistakes`, a JSON list of the samples of its most confident
        mistakes that no weak slice before it names. Slices that are shown to be weaker come first, then those with a
        low accuracy, then the small ones.
    """
    overall = {name: metric for name, metric in metrics.items() if not metric.per_class}
    codes = np.unique(predictions.groups, return_inverse=True)[1]
    large = [one for one in slices if len(one) >= min_slice]
    has_rest = [one for one in large if ACCURACY in overall and len(one) < len(predictions)]
    is_right = predictions.is_right
    search = search_slices(is_right, [one.rows for one in has_rest], codes, bootstrap.seed)
    compared = _comparisons(has_rest, is_right, search)
    _describe_weak([*zip(has_rest, compared, strict=True)], predictions)
    found = {id(one): comparison for one, comparison in zip(has_rest, compared, strict=True)}
    rows = []
    for one in slices:
        part = predictions.take(one.rows)
        shown = _metrics_of(one, part, overall)
        figures: dict[str, Estimate] = {}
        if len(one) >= min_slice:
            others = {name: metric for name, metric in shown.items() if name != ACCURACY}
            blocks = group_in_blocks(codes[one.rows], bootstrap.seed)
            figures = estimate_metrics(others, replace(part, groups=blocks), bootstrap) if others else {}
            figures[ACCURACY] = estimate_accuracy(is_right[one.rows], codes[one.rows], bootstrap)
        num_groups = len(np.unique(codes[one.rows]))
        of_slice = [
            {"attribute": one.attribute, "slice": one.value, "n": len(one), "groups": num_groups, "metric": name}
            | {key: getattr(figures.get(name), key, None) for key in FIGURES}
            | (found.get(id(one), {}) if name == ACCURACY else {})
            for name in shown
        ]
        is_weaker = found.get(id(one), {}).get("verdict") == WEAKER
        accuracy = is_right[one.rows].mean()
        rows.append(((not figures, not is_weaker, accuracy), of_slice))
    rows.sort(key=lambda entry: entry[0])
    return pd.DataFrame([row for _, of_slice in rows for row in of_slice], columns=COLUMNS)


def _metrics_of(one: Candidate, part: Predictions, overall: dict[str, Metric]) -> dict[str, Metric]:
    """The metrics of a slice; where one class occurs none that compares classes."""
    if one.kinds not in (("class",), ("attribute",)):
        return {name: metric for name, metric in overall.items() if name == ACCURACY}
    if (part.targets > 0).any(axis=0).sum() > 1:
        return overall
    return {
        name: metric for name, metric in overall.items() if metric.support(part.targets, part.decided).shape[1] == 1
    }


def _comparisons(slices: Sequence[Candidate], is_right: np.ndarray, search: Search) -> list[dict[str, object]]:
    total = int(is_right.sum())
    return [
        {
            "rest": (total - int(is_right[one.rows].sum())) / (len(is_right) - len(one)),
            "p": float(search.p_values[at]),
            "found_from": float(search.found_from[at]),
            "verdict": search.verdicts[at],
        }
        for at, one in enumerate(slices)
    ]


def _describe_weak(compared: Sequence[tuple[Candidate, dict[str, object]]], predictions: Predictions) -> None:
    """Adds what each weak slice repeats, or its mistakes."""
    is_right = predictions.is_right
    weak = [pair for pair in compared if pair[1]["verdict"] == WEAKER]
    weak.sort(key=lambda pair: is_right[pair[0].rows].mean())  # as in the table
    repeats = find_repeats([one.rows for one, _ in weak], is_right)
    order, named = order_mistakes(predictions), np.zeros(len(predictions), dtype=bool)
    for (one, comparison), other in zip(weak, repeats, strict=True):
        if other is not None:
            comparison["repeats"] = f"{weak[other][0].attribute} = {weak[other][0].value}"
            continue
        chosen = order[np.isin(order, one.rows) & ~named[order]][:NUM_MISTAKES]
        named[chosen] = True
        comparison["mistakes"] = json.dumps(predictions.sample_ids[chosen].tolist(), ensure_ascii=False)
