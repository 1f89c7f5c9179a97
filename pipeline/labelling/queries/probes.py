"""Probes on frozen features, fitted to the samples that are labelled: what a query and its simulation predict with."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.labelling_contracts import ProbeKind

INVERSE_PENALTY = 100.0  # of L2 on directions of length 1; measured in docs/decisions/2026-11-30-query-strategies.md
MAX_STEPS = 300
NUM_NEIGHBOURS = 10
BOTH = 2  # of a label, known samples with it and without it


def has_two_classes(labels: np.ndarray, is_exclusive: bool) -> bool:
    """Whether a probe can be fitted: two classes occur, or some label both with and without.

    Args:
        labels: (n, K) in {0, 1}, of the known samples.
        is_exclusive: Whether each sample has exactly one label.
    """
    counts = labels.sum(axis=0)
    return bool((counts > 0).sum() >= BOTH if is_exclusive else ((counts > 0) & (counts < len(labels))).any())


def predict_labels(
    features: np.ndarray, rows: np.ndarray, labels: np.ndarray, is_exclusive: bool, kind: ProbeKind = "linear"
) -> np.ndarray:
    """(N, K) probability of each label, by a probe that is fitted to some rows.

    `linear` is a logistic regression in which all classes count the same, `neighbours` the share of the 10 nearest
    known samples. A label that all of these samples have, or none, gets its share, 1 or 0.

    Args:
        features: (N, D) directions, as `pca_directions` returns them.
        rows: (n,) rows of the known samples.
        labels: (n, K) in {0, 1} of these.
        is_exclusive: Whether each sample has exactly one label.
        kind: Of the probe.

    Raises:
        UserError: The known samples are all of one class.
    """
    if not has_two_classes(labels, is_exclusive):
        raise UserError(
            f"a probe needs labels of two classes, and the {len(rows):,} labelled samples that it may use have fewer; "
            "label a batch of colibri query --strategy typical first"
        )
    result = np.tile(labels.mean(axis=0, dtype=np.float64), (len(features), 1))
    if is_exclusive:
        codes = labels.argmax(axis=1)
        result[:, np.unique(codes)] = _probabilities(features, rows, codes, kind)
        return result
    for column in np.flatnonzero((labels.sum(axis=0) > 0) & (labels.sum(axis=0) < len(labels))):
        result[:, column] = _probabilities(features, rows, labels[:, column].astype(np.int64), kind)[:, 1]
    return result


def _probabilities(features: np.ndarray, rows: np.ndarray, codes: np.ndarray, kind: ProbeKind) -> np.ndarray:
    """(N, C) of the C classes that occur, ascending."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    if kind == "neighbours":
        near = KNeighborsClassifier(min(NUM_NEIGHBOURS, len(rows)), algorithm="brute").fit(features[rows], codes)
        shares: np.ndarray = near.predict_proba(features)
        return shares
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after so many steps the decisions hardly change
        fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=MAX_STEPS, class_weight="balanced").fit(
            features[rows], codes
        )
    result: np.ndarray = fitted.predict_proba(features)
    return result
