"""Figures of out-of-fold predictions of all samples: pooled over folds, averaged over repeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.predictions import Predictions
from pipeline.evaluation.derived_metric import DerivedMetric, Measure
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.paired_comparison import paired_difference
from pipeline.statistics.bootstrap import Basis, Bootstrap
from pipeline.statistics.classification import balanced_accuracy


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Repeat:
    """The out-of-fold predictions of one division into folds.

    Attributes:
        predictions: Of all N samples, each by the model that had it in test.
        by_properties: (N, K) bool, by a forest on the properties that was trained on the same train part.
        folds: (N,) the fold in which each sample was in test.
    """

    predictions: Predictions
    by_properties: np.ndarray
    folds: np.ndarray

    def sort(self) -> Repeat:
        """The same in the order of the names of samples.

        Raises:
            UserError: A sample is in test of two folds.
        """
        order = np.argsort(self.predictions.sample_ids.astype(str), kind="stable")
        names = self.predictions.sample_ids[order]
        twice = names[1:][names[1:] == names[:-1]]
        if len(twice):
            raise UserError(f"{twice[0]!r} is in test of two folds; the data changed in between, run this again")
        return Repeat(
            predictions=self.predictions.take(order), by_properties=self.by_properties[order], folds=self.folds[order]
        )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatedMetric(DerivedMetric):
    """The mean of a metric over repeats; of one that compares scores over all folds of all repeats.

    Scores of two models are not on one scale, so they are compared within a fold. A fold in which the metric is
    undefined is left out of the mean.

    Args:
        metric: One number, or one per class.
        repeats: Of the same samples in the same order.
    """

    repeats: tuple[Repeat, ...]

    def derive(
        self, measure: Measure, targets: np.ndarray, decided: np.ndarray, scores: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        values = []
        for repeat in self.repeats:
            own = repeat.predictions
            parts = np.unique(repeat.folds) if self.by_scores else [None]
            for fold in parts:
                rows = slice(None) if fold is None else np.flatnonzero(repeat.folds == fold)
                values.append(measure(targets[rows], own.decided[rows], own.scores[rows], weights[:, rows]))
        stacked = np.stack(values)
        known = np.isfinite(stacked)
        counts = known.sum(axis=0)
        total = np.where(known, stacked, 0.0).sum(axis=0)
        return np.asarray(np.where(counts > 0, total / np.maximum(counts, 1), np.nan))


def match_repeats(repeats: list[Repeat]) -> tuple[Repeat, ...]:
    """The repeats with their samples in one order.

    Raises:
        UserError: They hold other samples.
    """
    ordered = tuple(repeat.sort() for repeat in repeats)
    first = ordered[0].predictions
    for repeat in ordered[1:]:
        if not np.array_equal(repeat.predictions.sample_ids, first.sample_ids):
            raise UserError("two repeats hold other samples; the data changed in between, run this again")
    return ordered


def estimate_repeats(
    metrics: dict[str, Metric], repeats: tuple[Repeat, ...], bootstrap: Bootstrap, min_class: int = 1
) -> dict[str, Estimate]:
    """Every metric over all samples with a 95 % interval over groups, widened since folds share training data.

    Each group is left out of all repeats at once, or resampled (`Bootstrap.replicates`), so that further repeats do not
    make the interval look narrower than the groups allow.

    Args:
        metrics: Name to metric.
        repeats: As `match_repeats` returns them.
        bootstrap: How groups are resampled, where there are more than 100.
        min_class: The figures of a class with fewer samples are marked `few`.

    Source: `Bootstrap.across_folds`.
    """
    averaged: dict[str, Metric] = {
        name: RepeatedMetric(metric=metric, repeats=repeats) for name, metric in metrics.items()
    }
    return estimate_metrics(averaged, repeats[0].predictions, bootstrap.across_folds, min_class)


def margin_of_repeats(repeats: tuple[Repeat, ...], exclusive: bool, bootstrap: Bootstrap) -> Estimate:
    """The balanced accuracy of the models minus that of the properties alone, on the same folds, -1 to 1; paired.

    Args:
        repeats: As `match_repeats` returns them.
        exclusive: Whether each sample has exactly one label.
        bootstrap: As for `estimate_repeats`.
    """
    targets = repeats[0].predictions.targets

    def gain(weights: np.ndarray) -> np.ndarray:
        gains = [
            balanced_accuracy(targets, repeat.predictions.decided, weights, exclusive)
            - balanced_accuracy(targets, repeat.by_properties, weights, exclusive)
            for repeat in repeats
        ]
        return np.asarray(np.mean(gains, axis=0))

    groups = repeats[0].predictions.groups
    weights = bootstrap.across_folds.replicates(groups)
    replicates = np.concatenate([gain(block) for block in weights])
    basis = Basis.of(np.asarray(targets, dtype=bool), groups)
    return paired_difference(float(gain(np.ones((1, len(targets))))[0]), replicates, weights, basis, len(targets))


def properties_of_repeats(
    metrics: dict[str, Metric], repeats: tuple[Repeat, ...], bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """The metrics that need no scores, of the properties alone on the same folds."""
    by_properties = tuple(
        replace(
            repeat,
            predictions=replace(
                repeat.predictions, decided=repeat.by_properties, scores=repeat.by_properties.astype(np.float64)
            ),
        )
        for repeat in repeats
    )
    on_decisions = {name: metric for name, metric in metrics.items() if not metric.by_scores}
    return estimate_repeats(on_decisions, by_properties, bootstrap)
