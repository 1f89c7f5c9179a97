"""Labels that the pictures contradict: out-of-fold predictions and confident learning, in two rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.labels import to_matrix
from pipeline.core.probing import compact, out_of_fold


@dataclass(frozen=True, eq=False)
class Suspects:
    """What is known about wrong labels.

    Attributes:
        table: The suspects, worst first: `row` (position), `suggested` (list of labels) and `quality` (0 is worst).
        noise: (given, true) to the estimated share of the true class that was given so, where the two differ.
        share: Estimated share of the samples whose labels are wrong.
        quality: (N,) how well each sample's labels fit its picture, 0 to 1.
    """

    table: pd.DataFrame
    noise: dict[tuple[str, str], float]
    share: float
    quality: np.ndarray


def suspects(
    features: np.ndarray, labels: Sequence[Sequence[str]], groups: np.ndarray, num_folds: int, seed: int
) -> Suspects:
    """Judges every sample by probes that did not learn from it, nor (in the second round) from other suspects.

    Where every sample has one label it is one question with many answers; else each label is a yes-or-no question.

    Args:
        features: (N, D).
        labels: Of each sample; none is empty.
        groups: (N,) what must stay together.
        num_folds: At least 2.
        seed: Of the folds.

    Source: Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125.
    """
    classes = sorted({name for names in labels for name in names})
    reduced = compact(features, seed)
    if all(len(names) == 1 for names in labels):
        position = {name: code for code, name in enumerate(classes)}
        given = np.array([position[names[0]] for names in labels])
        chances, flagged = _judged(reduced, given, groups, num_folds, seed)
        quality = chances[np.arange(len(given)), given]
        suggested = [[classes[best]] for best in chances.argmax(axis=1)]
        flagged &= chances.argmax(axis=1) != given
        return _suspects(quality, suggested, flagged, _noise(given, chances, classes))
    return _several(reduced, labels, classes, groups, num_folds, seed)


def _several(
    reduced: np.ndarray,
    labels: Sequence[Sequence[str]],
    classes: list[str],
    groups: np.ndarray,
    num_folds: int,
    seed: int,
) -> Suspects:
    told = to_matrix(labels, classes).astype(int)
    fit, wrong = np.ones(told.shape), np.zeros(told.shape, dtype=bool)
    noise: dict[tuple[str, str], float] = {}
    for column, name in enumerate(classes):
        given = told[:, column]
        if given.min() == given.max():
            continue  # a label that all have, or none, contradicts nothing
        chances, flagged = _judged(reduced, given, groups, num_folds, seed)
        fit[:, column] = chances[np.arange(len(given)), given]
        wrong[:, column] = flagged & (chances.argmax(axis=1) != given)
        noise |= _noise(given, chances, [f"not {name}", name])
    better = np.where(wrong, 1 - told, told).astype(bool)
    suggested = [[classes[column] for column in np.flatnonzero(row)] for row in better]
    return _suspects(fit.min(axis=1), suggested, np.asarray(wrong.any(axis=1)), noise)


def _judged(
    reduced: np.ndarray, given: np.ndarray, groups: np.ndarray, num_folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) chances of the second round, and which labels both confident learning and they contradict."""
    first = out_of_fold(reduced, given, groups, num_folds, seed)
    trusted = ~_contradicted(given, first)
    if len(np.unique(given[trusted])) < len(np.unique(given)):  # a class would be lost: nothing is left out then
        trusted[:] = True
    second = out_of_fold(reduced, given, groups, num_folds, seed, trusted)
    return second, _contradicted(given, second)


def _contradicted(given: np.ndarray, chances: np.ndarray) -> np.ndarray:
    from cleanlab.filter import find_label_issues

    found: np.ndarray = find_label_issues(given, chances, min_examples_per_class=0, n_jobs=1)
    return found


def _noise(given: np.ndarray, chances: np.ndarray, classes: list[str]) -> dict[tuple[str, str], float]:
    from cleanlab.count import estimate_joint

    joint = estimate_joint(given, chances)  # rows are given, columns are true
    share = joint / np.maximum(joint.sum(axis=0, keepdims=True), 1e-12)
    pairs = {
        (classes[row], classes[column]): float(share[row, column])
        for row in range(len(classes))
        for column in range(len(classes))
        if row != column
    }
    return dict(sorted(pairs.items(), key=lambda pair: -pair[1]))


def _suspects(
    quality: np.ndarray, suggested: list[list[str]], flagged: np.ndarray, noise: dict[tuple[str, str], float]
) -> Suspects:
    rows = np.flatnonzero(flagged)
    rows = rows[np.argsort(quality[rows], kind="stable")]
    table = pd.DataFrame({"row": rows, "suggested": [suggested[row] for row in rows], "quality": quality[rows]})
    return Suspects(table, noise, float(flagged.mean()), quality)
