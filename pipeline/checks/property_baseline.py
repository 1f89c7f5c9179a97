"""How well do all properties together predict the label, without the content of the picture?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pipeline.checks.shortcuts.single_property import LabelTable
from pipeline.core.contracts import Check
from pipeline.core.parallel import num_workers
from pipeline.core.ranges import Fraction, PositiveInt, Seed
from pipeline.core.results import Finding
from pipeline.datasets.properties import stratified_group_sample
from pipeline.evaluation.property_forest import make_forest, property_bins
from pipeline.statistics.classification import ratio
from pipeline.statistics.permutation import (
    block_permutations,
    group_folds,
    least_possible,
    one_per_group,
    rotations,
    usable,
)


@final
@dataclass(frozen=True, kw_only=True)
class PropertyBaseline(Check):
    """Out-of-fold balanced accuracy of a random forest on all properties: the baseline that every model must beat.

    The limit is `max_skill` of the way from chance to perfect, or the threshold of chance at `alpha` where that is
    higher: the fixed predictions are compared with permuted labels. Labels are permuted between groups and within
    groups, each at half of `alpha`, and the lower threshold of the two counts: so a prediction that works within groups
    is not taken for chance where no two groups are of similar size. If the value is above `max_skill` and no
    permutation could make it significant, the check cannot be judged.

    Args:
        max_skill: Largest accepted share of the way from chance (0) to perfect prediction (1).
        alpha: Accepted share of false alarms among data sets without a shortcut.
        num_permutations: Permutations of the labels in each of the two schemes; at least 2 / alpha - 1.
        num_folds: Folds of the cross-validation; each is predicted by a forest trained on the others. At least 2.
        num_trees: Trees of each forest.
        max_samples: With more samples, whole groups are sampled so that each class keeps its share.
        seed: Seed of the folds, trees, permutations and the sampling.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.
    """

    question: ClassVar[str] = (
        "How well do all properties together predict the label, without the content of the picture?"
    )

    max_skill: Fraction
    alpha: Annotated[float, Interval(gt=0, lt=1)]
    num_permutations: int
    num_folds: Annotated[int, Ge(2)]
    num_trees: PositiveInt
    max_samples: PositiveInt
    seed: Seed
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if (self.num_permutations + 1) * self.alpha < 2:
            raise ValueError(f"num_permutations must be at least 2 / alpha - 1, got {self.num_permutations}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        subset = stratified_group_sample(samples, self.max_samples, self.seed)
        features = property_bins(subset)
        labelled = LabelTable.of(subset)
        single = labelled.single
        targets = np.zeros((len(subset), len(labelled.classes)), dtype=bool)
        targets[labelled.rows, labelled.codes] = True
        decided = self._out_of_fold_decisions(features, targets, labelled.groups, single)
        chance = 1 / max(1, len(labelled.classes)) if single else 0.5
        recalls = _recalls(targets, decided, single)
        accepted, value = chance + self.max_skill * (1 - chance), _mean(recalls, chance)
        by_chance, least = self._chance_recalls(labelled, targets, decided, value)
        order = [one for one in np.argsort(-recalls, kind="stable")[:5] if np.isfinite(recalls[one])]
        return Finding(
            value=max(chance, value),
            limit=max(accepted, by_chance),
            unit=f"balanced accuracy of all properties together ({chance:.3g} is chance)",
            worst={
                str(labelled.classes[one]): f"{'recall' if single else 'accuracy'} {recalls[one]:.2f}" for one in order
            },
            advice="A model that does not beat this figure may have learned nothing of the content of the pictures; "
            "see the properties that the check shortcut names.",
            sentence="A model must beat this figure: it is what light, colour, size and file predict without the "
            "content of the pictures.",
            obstacle=_obstacle(labelled, features, value > accepted and least > self.alpha),
        )

    def _out_of_fold_decisions(
        self, features: np.ndarray, targets: np.ndarray, groups: np.ndarray, single: bool
    ) -> np.ndarray:
        """(N, K) bool, the predictions for each fold by a forest trained on the others."""
        folds = group_folds(groups, self.num_folds, self.seed)
        decided = np.zeros_like(targets)

        columns = [slice(None)] if single else range(targets.shape[1])
        for fold, column in product(np.unique(folds), columns):
            mine, others = folds == fold, folds != fold
            known = targets[others, column]
            answer = known.argmax(axis=1) if single else known
            predicted = answer[:1]  # where the other folds have one answer only
            if len(np.unique(answer)) > 1:
                forest = (
                    make_forest(self.num_trees, self.seed)
                    .set_params(n_jobs=num_workers())
                    .fit(features[others], answer)
                )
                predicted = forest.set_params(n_jobs=1).predict(features[mine])  # threads would add up in any order
            if len(predicted):
                decided[mine, column] = np.eye(targets.shape[1], dtype=bool)[predicted] if single else predicted
        return decided

    def _chance_recalls(
        self, labelled: LabelTable, targets: np.ndarray, decided: np.ndarray, value: float
    ) -> tuple[float, float]:
        """The threshold of chance: its 1 - `alpha` quantile of balanced accuracy; and the smallest possible p-value."""
        chance = 1 / max(1, targets.shape[1]) if labelled.single else 0.5
        schemes = [
            np.array([_mean(one, chance) for one in recalls])
            for recalls in self._permuted_recalls(labelled, targets, decided)
        ]
        least = [float(least_possible(np.r_[value, one][:, None, None]).min()) for one in schemes]
        used = usable(least, self.alpha)
        level = 1 - self.alpha / len(used)
        thresholds = [np.quantile(schemes[scheme], level, method="higher") for scheme in used]
        return float(min(thresholds)), len(used) * min(least[scheme] for scheme in used)

    def _permuted_recalls(self, labelled: LabelTable, targets: np.ndarray, decided: np.ndarray) -> Iterator[np.ndarray]:
        """(M, K) recalls of labels permuted between groups (one row each if size determines a label), then within."""

        def recalls(rows: np.ndarray, permutations: Iterator[np.ndarray]) -> np.ndarray:
            true, predicted = targets[rows], decided[rows]
            return np.stack([_recalls(true[np.argsort(one)], predicted, labelled.single) for one in permutations])

        every, num, seed = np.arange(len(targets)), self.num_permutations, self.seed
        between = recalls(every, block_permutations(labelled.groups, num, seed))
        by_size = labelled.determined_by_size
        if by_size.any():
            subset = one_per_group(labelled.groups, seed)
            permutations = block_permutations(np.arange(len(subset)), num, seed)
            between = np.where(by_size, recalls(subset, permutations), between)
        yield between
        if labelled.varies_within:
            yield recalls(every, rotations(labelled.groups, labelled.order, num, seed))


def _obstacle(labelled: LabelTable, features: np.ndarray, blind: bool) -> str:
    """Why the check cannot be judged; `blind`: the value is above the limit and no permutation could reject chance."""
    if len(labelled.classes) < 2:
        return "The labelled pictures have fewer than two labels, so there is nothing to predict; label other classes."
    if (features == features[:1]).all():
        return "No measured property varies, so a forest has nothing to learn; measure others, or give attributes."
    if labelled.groups.max() == 0:
        return "All pictures are in one group, so none is left to test a forest on; give smaller groups."
    if blind:
        return (
            f"All properties together predict the label above the limit, but {labelled.groups.max() + 1:,} groups "
            "allow so few permutations of the labels that this may be chance; collect pictures of more groups, or give "
            "smaller groups."
        )
    return ""


def _recalls(targets: np.ndarray, decided: np.ndarray, single: bool) -> np.ndarray:
    """(K,) recall of each class; with several labels per sample, the mean of the recalls of presence and absence.

    NaN where a class, or its absence, does not occur.
    """
    present = ratio((targets & decided).sum(axis=0), targets.sum(axis=0), np.zeros(targets.shape[1]))
    if single:
        return present
    absent = ratio((~targets & ~decided).sum(axis=0), (~targets).sum(axis=0), np.zeros(targets.shape[1]))
    return np.asarray((present + absent) / 2)


def _mean(recalls: np.ndarray, otherwise: float) -> float:
    """The mean recall of the classes that occur; `otherwise` if none does."""
    known = recalls[np.isfinite(recalls)]
    return float(known.mean()) if len(known) else otherwise
