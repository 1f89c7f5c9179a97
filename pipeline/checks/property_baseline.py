"""How well do all properties together predict the label, without looking at what the picture shows?"""

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
    """Out-of-fold balanced accuracy of a random forest on all properties: what every real model must beat.

    The limit is `max_skill` of the way from chance to perfect, or what luck gives in a share `alpha` of data sets where
    that is more: the fixed decisions on labels dealt anew. Labels are dealt between groups, and within them; the luck
    that reaches less far of the two counts, each at half of `alpha`, so that what the forest tells within groups cannot
    pass for luck where no two groups are of like size. Where the value is above `max_skill` and no labels dealt so
    could be beyond luck, nothing can be judged.

    Args:
        max_skill: 0 (chance) to 1 (the properties give every label away).
        alpha: Accepted share of data sets without a shortcut in which luck passes for one.
        num_permutations: Of the labels, in each of the two ways; at least 2 / alpha - 1.
        num_folds: Each is decided by a forest that learnt from the others; at least 2.
        num_trees: Of each forest.
        max_samples: Of more, whole groups are drawn so that each class has its share.
        seed: Of folds, trees, permutations and the draw.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.
    """

    question: ClassVar[str] = (
        "How well do all properties together predict the label, without looking at what the picture shows?"
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
        asked = stratified_group_sample(samples, self.max_samples, self.seed)
        features = property_bins(asked)
        labelled = LabelTable.of(asked)
        single = labelled.single
        targets = np.zeros((len(asked), len(labelled.classes)), dtype=bool)
        targets[labelled.rows, labelled.codes] = True
        decided = self._out_of_fold_decisions(features, targets, labelled.groups, single)
        chance = 1 / max(1, len(labelled.classes)) if single else 0.5
        recalls = _recalls(targets, decided, single)
        accepted, value = chance + self.max_skill * (1 - chance), _mean(recalls, chance)
        luck, least = self._chance_recalls(labelled, targets, decided, value)
        order = [one for one in np.argsort(-recalls, kind="stable")[:5] if np.isfinite(recalls[one])]
        return Finding(
            value=max(chance, value),
            limit=max(accepted, luck),
            unit=f"balanced accuracy of all properties together ({chance:.3g} is chance)",
            worst={
                str(labelled.classes[one]): f"{'recall' if single else 'accuracy'} {recalls[one]:.2f}" for one in order
            },
            advice="A model that does not beat this figure may have learnt nothing of what the pictures show; "
            "see what shortcut names.",
            sentence="What light, colour, size and file alone tell, without a look at what is shown, is the least "
            "that a model must beat.",
            obstacle=_obstacle(labelled, features, value > accepted and least > self.alpha),
        )

    def _out_of_fold_decisions(
        self, features: np.ndarray, targets: np.ndarray, groups: np.ndarray, single: bool
    ) -> np.ndarray:
        """(N, K) bool, each fold as a forest on the others decides."""
        folds = group_folds(groups, self.num_folds, self.seed)
        decided = np.zeros_like(targets)

        columns = [slice(None)] if single else range(targets.shape[1])
        for fold, column in product(np.unique(folds), columns):
            mine, others = folds == fold, folds != fold
            known = targets[others, column]
            answer = known.argmax(axis=1) if single else known
            told = answer[:1]  # where the others know one answer only
            if len(np.unique(answer)) > 1:
                grown = (
                    make_forest(self.num_trees, self.seed)
                    .set_params(n_jobs=num_workers())
                    .fit(features[others], answer)
                )
                told = grown.set_params(n_jobs=1).predict(features[mine])  # threads would add up in any order
            if len(told):
                decided[mine, column] = np.eye(targets.shape[1], dtype=bool)[told] if single else told
        return decided

    def _chance_recalls(
        self, labelled: LabelTable, targets: np.ndarray, decided: np.ndarray, value: float
    ) -> tuple[float, float]:
        """How far luck reaches in all but a share `alpha` of tries, and the least p-value that there could be."""
        chance = 1 / max(1, targets.shape[1]) if labelled.single else 0.5
        ways = [
            np.array([_mean(one, chance) for one in recalls])
            for recalls in self._permuted_recalls(labelled, targets, decided)
        ]
        least = [float(least_possible(np.r_[value, one][:, None, None]).min()) for one in ways]
        used = usable(least, self.alpha)
        reached = [np.quantile(ways[way], 1 - self.alpha / len(used), method="higher") for way in used]
        return float(min(reached)), len(used) * min(least[way] for way in used)

    def _permuted_recalls(self, labelled: LabelTable, targets: np.ndarray, decided: np.ndarray) -> Iterator[np.ndarray]:
        """(M, K) recalls of labels dealt between groups, each once for labels that its size tells, then within them."""

        def recalls(rows: np.ndarray, deals: Iterator[np.ndarray]) -> np.ndarray:
            mine, told = targets[rows], decided[rows]
            return np.stack([_recalls(mine[np.argsort(takers)], told, labelled.single) for takers in deals])

        every, num, seed = np.arange(len(targets)), self.num_permutations, self.seed
        found = recalls(every, block_permutations(labelled.groups, num, seed))
        by_size = labelled.told_by_size
        if by_size.any():
            kept = one_per_group(labelled.groups, seed)
            found = np.where(by_size, recalls(kept, block_permutations(np.arange(len(kept)), num, seed)), found)
        yield found
        if labelled.varies_within:
            yield recalls(every, rotations(labelled.groups, labelled.order, num, seed))


def _obstacle(labelled: LabelTable, features: np.ndarray, blind: bool) -> str:
    """What keeps the check from judging; `blind` where the value is too high and luck could always reach it."""
    if len(labelled.classes) < 2:
        return "The labelled pictures have fewer than two labels, so there is nothing to tell apart; label others."
    if (features == features[:1]).all():
        return "No property of the pictures was measured that varies, so a forest has nothing to learn; measure some."
    if labelled.groups.max() == 0:
        return "All pictures are of one group, so that none is left to judge what was learnt; tell smaller groups."
    if blind:
        return (
            f"All properties together tell the label too well, but {labelled.groups.max() + 1:,} groups leave so few "
            "ways to deal the labels that chance may give as much; collect pictures of more groups, or tell smaller "
            "ones."
        )
    return ""


def _recalls(targets: np.ndarray, decided: np.ndarray, single: bool) -> np.ndarray:
    """(K,) recall of each class; where labels come together, the mean of its recall and that of its absence.

    NaN where a class, or its absence, does not occur.
    """
    present = ratio((targets & decided).sum(axis=0), targets.sum(axis=0), np.zeros(targets.shape[1]))
    if single:
        return present
    absent = ratio((~targets & ~decided).sum(axis=0), (~targets).sum(axis=0), np.zeros(targets.shape[1]))
    return np.asarray((present + absent) / 2)


def _mean(recalls: np.ndarray, otherwise: float) -> float:
    """Of the classes that occur."""
    known = recalls[np.isfinite(recalls)]
    return float(known.mean()) if len(known) else otherwise
