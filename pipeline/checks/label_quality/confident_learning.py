"""Labels with which a model disagrees: out-of-fold predictions and confident learning, in two rounds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.labels import to_matrix
from pipeline.features.linear_probe import (
    Folds,
    drop_errors,
    out_of_fold_probabilities,
    pca_directions,
    stratified_group_folds,
    temperature_scale,
    untestable_rows,
)

NUM_REDRAWS = 20
LEAST_NOISE = 1e-3  # a smaller estimated share is not listed: there is one for every pair of classes


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """What is known about wrong labels.

    Attributes:
        table: The suspects, worst first: `row` (position), `suggested` (list of labels) and `quality` (0 is worst).
        noise: (given, true) to the estimated share of the true class that was given so, where the two differ and it is
            not next to nothing; the largest first.
        quality: (N,) how well each sample's labels fit its picture, 0 to 1.
        by_chance: (N,) in which share of tries the sample would be suspected if no label was wrong: pictures that are
            unclear to the probes are contradicted as often as their labels, drawn from the probes' own chances, differ.
        unjudged: (N,) whether a label of the sample was not judged, as all that have it are of one group: nothing tells
            what they share by the label from what they share by the group.
    """

    table: pd.DataFrame
    noise: dict[tuple[str, str], float]
    quality: np.ndarray
    by_chance: np.ndarray
    unjudged: np.ndarray


def find_label_issues(
    features: np.ndarray,
    labels: Sequence[Sequence[str]],
    groups: np.ndarray,
    num_folds: int,
    seed: int,
    confirmed: np.ndarray | None = None,
) -> LabelIssues:
    """Judges every sample by probes that did not learn from it, nor (in the second round) from other suspects.

    Where every sample has one label it is one question with many answers; else each label is a yes-or-no question.

    Args:
        features: (N, D).
        labels: Of each sample; an empty list says that none applies.
        groups: (N,) what must stay together.
        num_folds: At least 2.
        seed: Of the folds.
        confirmed: (N,) whose labels a person has looked at: the second round learns from them, whatever the first says.

    Source: Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125.
    """
    classes = sorted({name for names in labels for name in names})
    sure = np.zeros(len(labels), dtype=bool) if confirmed is None else confirmed
    judged = TwoRoundCrossValidation(pca_directions(features, seed), groups, sure, num_folds, seed)
    if all(len(names) == 1 for names in labels):
        number = {name: position for position, name in enumerate(classes)}
        given = np.array([number[names[0]] for names in labels])
        chances, flagged, unjudged = judged(given)
        quality = chances[np.arange(len(given)), given]
        suggested = [[classes[best]] for best in chances.argmax(axis=1)]
        by_chance = judged.simulate_errors(given, chances, unjudged).mean(axis=0)
        return _suspects(quality, suggested, flagged, by_chance, unjudged, _noise(given, chances, classes))
    return _several(judged, labels, classes)


def _several(judged: TwoRoundCrossValidation, labels: Sequence[Sequence[str]], classes: list[str]) -> LabelIssues:
    told = to_matrix(labels, classes).astype(int)
    fit, wrong = np.ones(told.shape), np.zeros(told.shape, dtype=bool)
    unjudged = np.zeros(len(told), dtype=bool)
    chance_wrong = np.zeros((NUM_REDRAWS, len(told)), dtype=bool)
    noise: dict[tuple[str, str], float] = {}
    for column, name in enumerate(classes):
        given = told[:, column]
        if given.min() == given.max():
            continue  # a label that all have, or none, contradicts nothing
        chances, flagged, unseen_rows = judged(given)
        unjudged |= unseen_rows & (given == 1)
        fit[:, column] = chances[np.arange(len(given)), given]
        wrong[:, column] = flagged
        chance_wrong |= judged.simulate_errors(given, chances, unseen_rows, column)
        noise |= _noise(given, chances, [f"not {name}", name])
    chance_wrong[:, unjudged] = False
    fit[unjudged], wrong[unjudged] = 1, False  # to what never saw such a picture, its other labels look odd too
    better = np.where(wrong, 1 - told, told).astype(bool)
    suggested = [[classes[column] for column in np.flatnonzero(row)] for row in better]
    flagged = np.asarray(wrong.any(axis=1))
    return _suspects(fit.min(axis=1), suggested, flagged, chance_wrong.mean(axis=0), unjudged, noise)


@dataclass(frozen=True, eq=False)
class TwoRoundCrossValidation:
    """Samples about which questions are asked; the call takes the (N,) answers given to one, 0 to K - 1."""

    reduced: np.ndarray
    groups: np.ndarray
    confirmed: np.ndarray
    num_folds: int
    seed: int

    def __call__(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N, K) chances of the second round, (N,) whether they contradict the answer, (N,) whether it is unjudged."""
        parts = stratified_group_folds(given, self.groups, self.num_folds, self.seed)
        unjudged = untestable_rows(given, parts)
        first = self._chances(given, parts, unjudged, None)
        trusted = ~_estimate_errors(given, first) | self.confirmed
        if len(np.unique(given[trusted])) < len(np.unique(given)):  # a class would be lost: nothing is left out then
            trusted[:] = True
        second = self._chances(given, parts, unjudged, trusted)
        return second, _estimate_errors(given, second), unjudged

    def simulate_errors(
        self, given: np.ndarray, chances: np.ndarray, unjudged: np.ndarray, question: int = 0
    ) -> np.ndarray:
        """(R, N) whether the chances contradict each answer, of R sets of answers drawn from them, none of them wrong.

        The probes are not fitted anew: on 2,600 samples of two classes 1.2 to 4 standard deviations apart, with and
        without a tenth of wrong labels, that gave the same share to within half a percent point, at 100 times the cost.

        Args:
            given: (N,) answers.
            chances: (N, K) of the second round.
            unjudged: (N,) rows that keep their answer.
            question: Its number, so that each is drawn by itself.
        """
        found = np.zeros((NUM_REDRAWS, len(given)), dtype=bool)
        known = ~unjudged
        if not known.any():
            return found
        right, _ = drop_errors(chances[known], given[known])
        ends = right.cumsum(axis=1)
        generator = np.random.default_rng([self.seed, question])
        for one in found:
            drawn = (generator.random((len(ends), 1)) * ends[:, -1:] >= ends).sum(axis=1)
            if drawn.min() < drawn.max():
                one[known] = _estimate_errors(drawn, right)
        return found

    def _chances(self, given: np.ndarray, parts: Folds, unjudged: np.ndarray, trusted: np.ndarray | None) -> np.ndarray:
        found = out_of_fold_probabilities(self.reduced, given, parts, trusted)
        if not unjudged.all():
            found[~unjudged] = temperature_scale(found[~unjudged], given[~unjudged])
        found[unjudged] = np.eye(found.shape[1])[given[unjudged]]
        return found


def _estimate_errors(given: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """(N,) as many answers as confident learning estimates to be wrong: the least likely ones that another beats.

    Which ones it would doubt itself depends on the class; ranked over all classes, more of the first are wrong.
    """
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of one sample: cleanlab never doubts its label
        found: np.ndarray = find_label_issues(given, chances, filter_by="low_self_confidence", n_jobs=1)
    return found & (chances.argmax(axis=1) != given)


def _noise(given: np.ndarray, chances: np.ndarray, classes: list[str]) -> dict[tuple[str, str], float]:
    from cleanlab.count import estimate_joint

    joint = estimate_joint(given, chances)  # rows are given, columns are true
    share = joint / np.maximum(joint.sum(axis=0, keepdims=True), 1e-12)
    np.fill_diagonal(share, 0)
    return {
        (classes[row], classes[column]): float(share[row, column])
        for row, column in np.argwhere(share >= LEAST_NOISE).tolist()
    }


def _suspects(
    quality: np.ndarray,
    suggested: list[list[str]],
    flagged: np.ndarray,
    by_chance: np.ndarray,
    unjudged: np.ndarray,
    noise: dict[tuple[str, str], float],
) -> LabelIssues:
    rows = np.flatnonzero(flagged)
    rows = rows[np.argsort(quality[rows], kind="stable")]
    table = pd.DataFrame({"row": rows, "suggested": [suggested[row] for row in rows], "quality": quality[rows]})
    return LabelIssues(table, dict(sorted(noise.items(), key=lambda pair: -pair[1])), quality, by_chance, unjudged)
