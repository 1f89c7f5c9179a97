"""Labels with which a model disagrees: out-of-fold predictions and confident learning, in two rounds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core import progress
from pipeline.core.labels import to_matrix
from pipeline.features.class_separation import ClassDecisions, ClassSeparation, decide_evenly, measure_separation
from pipeline.features.linear_probe import (
    drop_errors,
    out_of_fold_probabilities,
    pca_directions,
    stratified_group_folds,
    temperature_scale,
    untestable_rows,
)

NUM_SIMULATIONS = 20
LEAST_NOISE = 1e-3  # smaller estimated shares are not listed: every pair of classes has one


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """Suspected label errors and the estimated label noise.

    Attributes:
        table: The suspects: `row` (position), `suggested` (list of labels), `quality` (probability of the given label,
            or of the least likely one of several) and `p_suggested` (of the suggestion). First those whose given label
            is least likely compared with the suggested one: of the first 20, more are wrong than by `quality` alone
            (docs/evidence/label_suspects.md).
        noise: (given, true) to the estimated share of the true class that has the given label, where the two differ and
            the share is at least 0.001; the largest first.
        quality: (N,) how well each sample's labels fit its picture, 0 to 1.
        by_chance: (N,) probability that the sample is suspected although no label is wrong, estimated with labels
            sampled from the predicted probabilities, which differ from the given ones where pictures are unclear.
        untestable: (N,) whether a label of the sample could not be tested, because all samples with it are in one
            group: label and group cannot be separated.
        separation: How well the features tell the classes apart; without that no label is suspect for a reason.
    """

    table: pd.DataFrame
    noise: dict[tuple[str, str], float]
    quality: np.ndarray
    by_chance: np.ndarray
    untestable: np.ndarray
    separation: ClassSeparation


def find_label_issues(
    features: np.ndarray,
    labels: Sequence[Sequence[str]],
    groups: np.ndarray,
    num_folds: int,
    seed: int,
    confirmed: np.ndarray | None = None,
) -> LabelIssues:
    """Label issues by probes that are not trained on the sample nor, in the second round, on suspects of the first.

    With one label per sample this is one problem with K classes; else each label is a binary problem.

    Args:
        features: (N, D) frozen features.
        labels: Labels of each sample; an empty list means that none applies.
        groups: (N,) group of each sample; a group is in one fold.
        num_folds: Folds of the cross-validation, at least 2.
        seed: Seed of the folds.
        confirmed: (N,) whether a person has decided on the labels: the second round always trains on them.

    Source: Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125.
    """
    classes = sorted({name for names in labels for name in names})
    sure = np.zeros(len(labels), dtype=bool) if confirmed is None else confirmed
    validation = TwoRoundCrossValidation(pca_directions(features, seed), groups, sure, num_folds, seed)
    if all(len(names) == 1 for names in labels):
        number = {name: position for position, name in enumerate(classes)}
        given = np.array([number[names[0]] for names in labels])
        probabilities, flagged, untestable, decisions = validation(given)
        separation = measure_separation([decisions], groups, seed)
        quality = probabilities[np.arange(len(given)), given]
        suggested = [[classes[best]] for best in probabilities.argmax(axis=1)]
        by_chance = validation.simulate_errors(given, probabilities, untestable).mean(axis=0)
        best, noise = probabilities.max(axis=1), _noise(given, probabilities, classes)
        return _suspects(quality, best, suggested, flagged, by_chance, untestable, noise, separation)
    return _find_issues_per_label(validation, labels, classes)


def _find_issues_per_label(
    validation: TwoRoundCrossValidation, labels: Sequence[Sequence[str]], classes: list[str]
) -> LabelIssues:
    matrix = to_matrix(labels, classes).astype(int)
    fit, wrong = np.ones(matrix.shape), np.zeros(matrix.shape, dtype=bool)
    untestable = np.zeros(len(matrix), dtype=bool)
    chance_wrong = np.zeros((NUM_SIMULATIONS, len(matrix)), dtype=bool)
    noise: dict[tuple[str, str], float] = {}
    questions = []
    for column, name in enumerate(classes):
        given = matrix[:, column]
        if given.min() == given.max():
            continue  # a label that all samples have, or none, has no counterexample
        probabilities, flagged, untestable_here, decisions = validation(given)
        questions.append(decisions)
        untestable |= untestable_here & (given == 1)
        fit[:, column] = probabilities[np.arange(len(given)), given]
        wrong[:, column] = flagged
        chance_wrong |= validation.simulate_errors(given, probabilities, untestable_here, column)
        noise |= _noise(given, probabilities, [f"not {name}", name])
    chance_wrong[:, untestable] = False
    fit[untestable], wrong[untestable] = 1, False  # a probe without such a picture doubts its other labels too
    better = np.where(wrong, 1 - matrix, matrix).astype(bool)
    suggested = [[classes[column] for column in np.flatnonzero(row)] for row in better]
    flagged = np.asarray(wrong.any(axis=1))
    quality = fit.min(axis=1)
    by_chance = chance_wrong.mean(axis=0)
    separation = measure_separation(questions, validation.groups, validation.seed)
    return _suspects(quality, 1 - quality, suggested, flagged, by_chance, untestable, noise, separation)


@dataclass(frozen=True, eq=False)
class TwoRoundCrossValidation:
    """Two rounds of cross-validated probes on the same samples; each call takes (N,) labels, 0 to K - 1."""

    reduced: np.ndarray
    groups: np.ndarray
    confirmed: np.ndarray
    num_folds: int
    seed: int

    def __call__(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, ClassDecisions]:
        """(N, K) probabilities of the second round, (N,) whether the label is suspect, (N,) or untestable, decisions.

        The decisions are those of the first round, whose probes were trained on all labels.
        """
        parts = stratified_group_folds(given, self.groups, self.num_folds, self.seed)
        untestable = untestable_rows(given, parts)
        with progress.show("label suspects, round 1 of 2"):
            fitted = out_of_fold_probabilities(self.reduced, given, parts)
            first = self._calibrate(fitted, given, untestable)
        trusted = ~_estimate_errors(given, first) | self.confirmed
        if len(np.unique(given[trusted])) < len(np.unique(given)):  # a class would be lost: then all samples are used
            trusted[:] = True
        with progress.show("label suspects, round 2 of 2"):
            again = out_of_fold_probabilities(self.reduced, given, parts, trusted)
            second = self._calibrate(again, given, untestable)
        decisions = ClassDecisions(given=given, decided=decide_evenly(fitted, given), testable=~untestable)
        return second, _estimate_errors(given, second), untestable, decisions

    def simulate_errors(
        self, given: np.ndarray, probabilities: np.ndarray, untestable: np.ndarray, column: int = 0
    ) -> np.ndarray:
        """(R, N) whether the probabilities contradict each label, for R label vectors sampled from them without errors.

        The probes are not fitted again: on 2,600 samples of two classes 1.2 to 4 standard deviations apart, with and
        without a tenth of wrong labels, that gave the same share to within half a percent point, at 100 times the cost.

        Args:
            given: (N,) labels.
            probabilities: (N, K) of the second round.
            untestable: (N,) rows that keep their label.
            column: Number of the label, so that each label has its own random numbers.
        """
        contradictions = np.zeros((NUM_SIMULATIONS, len(given)), dtype=bool)
        known = ~untestable
        if not known.any():
            return contradictions
        right, _ = drop_errors(probabilities[known], given[known])
        ends = right.cumsum(axis=1)
        generator = np.random.default_rng([self.seed, column])
        for one in contradictions:
            sampled_labels = (generator.random((len(ends), 1)) * ends[:, -1:] >= ends).sum(axis=1)
            if sampled_labels.min() < sampled_labels.max():
                one[known] = _estimate_errors(sampled_labels, right)
        return contradictions

    def _calibrate(self, fitted: np.ndarray, given: np.ndarray, untestable: np.ndarray) -> np.ndarray:
        probabilities = fitted.copy()
        if not untestable.all():
            probabilities[~untestable] = temperature_scale(probabilities[~untestable], given[~untestable])
        probabilities[untestable] = np.eye(probabilities.shape[1])[given[untestable]]
        return probabilities


def _estimate_errors(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) whether a label is suspect: as many as confident learning estimates to be wrong, the least likely ones.

    Its own selection depends on the class; ranked over all classes, more of the first suspects are wrong.
    """
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of one sample: cleanlab never doubts its label
        found: np.ndarray = find_label_issues(given, probabilities, filter_by="low_self_confidence", n_jobs=1)
    return found & (probabilities.argmax(axis=1) != given)


def _noise(given: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> dict[tuple[str, str], float]:
    from cleanlab.count import estimate_joint

    joint = estimate_joint(given, probabilities)  # rows are given, columns are true
    share = joint / np.maximum(joint.sum(axis=0, keepdims=True), 1e-12)
    np.fill_diagonal(share, 0)
    return {
        (classes[row], classes[column]): float(share[row, column])
        for row, column in np.argwhere(share >= LEAST_NOISE).tolist()
    }


def _suspects(
    quality: np.ndarray,
    p_suggested: np.ndarray,
    suggested: list[list[str]],
    flagged: np.ndarray,
    by_chance: np.ndarray,
    untestable: np.ndarray,
    noise: dict[tuple[str, str], float],
    separation: ClassSeparation,
) -> LabelIssues:
    rows = np.flatnonzero(flagged)
    rows = rows[np.argsort(quality[rows] / np.maximum(p_suggested[rows], 1e-12), kind="stable")]
    table = pd.DataFrame(
        {
            "row": rows,
            "suggested": [suggested[row] for row in rows],
            "quality": quality[rows],
            "p_suggested": p_suggested[rows],
        }
    )
    noise = dict(sorted(noise.items(), key=lambda pair: -pair[1]))
    return LabelIssues(table, noise, quality, by_chance, untestable, separation)
