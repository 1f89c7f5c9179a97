"""Out-of-fold predictions over all groups, by frozen features and by the properties alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.predictions import Predictions
from pipeline.evaluation.baseline_margin import decide_by_forest
from pipeline.evaluation.curve_text import PERCENTS
from pipeline.evaluation.learning_curve import CurvePoint
from pipeline.evaluation.property_forest import property_bins
from pipeline.features.linear_probe import Folds, make_probe, stratified_group_folds

NUM_FOLDS = 5
MAX_SAMPLES = 10_000  # of more, whole groups are sampled, so that it takes seconds


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Predictions for each sample by models that saw no sample of its group.

    Attributes:
        by_features: Predictions of a logistic regression on the features; its scores are its decisions, 0 or 1.
        by_properties: (N, K) bool, predictions of a forest on the properties, in the same folds.
        curve: Decisions of the same regression on growing shares of the groups; empty where a fold lacks groups.
    """

    by_features: Predictions
    by_properties: np.ndarray
    curve: list[CurvePoint]


def cross_validate(
    samples: pd.DataFrame,
    features: np.ndarray,
    targets: np.ndarray,
    classes: list[str],
    exclusive: bool,
    seed: int,
) -> OutOfFold | None:
    """Out-of-fold predictions in five folds, each group in one fold; None where there are fewer than two groups.

    They measure frozen features with a linear classifier, not the trained model. No network is trained, so every group
    is tested and not only those of test.

    Args:
        samples: N rows with `sample_id`, `group`, `prop_*` and `attr_*`.
        features: (N, D) frozen features.
        targets: (N, K) in {0, 1}.
        classes: K names.
        exclusive: Whether each sample has exactly one label.
        seed: Seed of the sampling, the folds and the trees.
    """
    rows = _sample_groups(samples["group"].to_numpy(dtype=str), seed)
    samples, targets = samples.iloc[rows].reset_index(drop=True), targets[rows]
    groups = samples["group"].to_numpy(dtype=str)
    strata = np.unique(targets, axis=0, return_inverse=True)[1].reshape(-1)
    parts = stratified_group_folds(strata, groups, NUM_FOLDS, seed)
    if not parts:
        return None
    inputs, bins = (
        np.asarray(features[rows], dtype=np.float32),
        property_bins(samples.drop(columns=["path"], errors="ignore")),
    )
    by_features, by_properties = np.zeros(targets.shape, dtype=bool), np.zeros(targets.shape, dtype=bool)
    for train, test in parts:
        by_features[test] = decide_by_probe(inputs[train], targets[train], inputs[test], exclusive)
        by_properties[test] = decide_by_forest(bins[train], targets[train], bins[test], exclusive, seed)
    predictions = Predictions(
        sample_ids=samples["sample_id"].to_numpy(),
        groups=groups,
        targets=targets,
        decided=by_features,
        scores=by_features.astype(np.float64),
        classes=classes,
    )
    curve = _curve(inputs, targets, groups, parts, exclusive, seed)
    last = [] if not curve else [CurvePoint(percent=PERCENTS[-1], num_train=_mean_size(parts), decided=by_features)]
    return OutOfFold(predictions, by_properties, [*curve, *last])


def _mean_size(parts: Folds) -> float:
    return float(np.mean([len(train) for train, _ in parts]))


def _curve(
    inputs: np.ndarray, targets: np.ndarray, groups: np.ndarray, parts: Folds, exclusive: bool, seed: int
) -> list[CurvePoint]:
    """The points before the last: of each fold the first of its groups in one random order, so that shares are nested.

    None where the smallest share is less than one group of a fold or is without samples of two kinds.
    """
    shares = [percent / PERCENTS[-1] for percent in PERCENTS[:-1]]
    decided = [np.zeros(targets.shape, dtype=bool) for _ in shares]
    sizes: list[list[int]] = [[] for _ in shares]
    generator = np.random.default_rng(seed)
    for train, test in parts:
        names = np.unique(groups[train])
        order = dict(zip(generator.permutation(names).tolist(), range(len(names)), strict=True))
        rank = np.array([order[name] for name in groups[train].tolist()])
        for place, share in enumerate(shares):
            rows = train[rank < max(1, round(share * len(names)))]
            if share * len(names) < 1 or len(np.unique(targets[rows], axis=0)) < 2:
                return []
            sizes[place].append(len(rows))
            decided[place][test] = decide_by_probe(inputs[rows], targets[rows], inputs[test], exclusive)
    return [
        CurvePoint(percent=percent, num_train=float(np.mean(size)), decided=one)
        for percent, size, one in zip(PERCENTS, sizes, decided, strict=False)
    ]


def _sample_groups(groups: np.ndarray, seed: int) -> np.ndarray:
    """Rows of at most 10,000 samples, in their order: whole groups, taken at random, one at least."""
    if len(groups) <= MAX_SAMPLES:
        return np.arange(len(groups))
    codes = np.unique(groups, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    rank = np.argsort(order)
    sizes = np.bincount(codes)[order]
    num = max(1, int(np.searchsorted(np.cumsum(sizes), MAX_SAMPLES, side="right")))
    return np.flatnonzero(rank[codes] < num)


def decide_by_probe(train: np.ndarray, targets: np.ndarray, test: np.ndarray, exclusive: bool) -> np.ndarray:
    """(M, K) bool decisions on (M, D) features by logistic regression on (N, D) features and (N, K) targets."""

    def decide(answers: np.ndarray) -> np.ndarray:
        if len(np.unique(answers)) < 2:
            return np.full(len(test), answers[0])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "lbfgs failed to converge")  # 300 steps give the same predictions as more
            return np.asarray(make_probe().fit(train, answers).predict(test))

    if exclusive:
        return np.asarray(np.eye(targets.shape[1], dtype=bool)[decide(targets.argmax(axis=1))])
    return np.stack([decide(column) > 0 for column in np.asarray(targets).T], axis=1)
