"""How well do all properties together predict the label, without looking at what the picture shows?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal, final

import numpy as np
import pandas as pd

from pipeline.core.asking import Labelled
from pipeline.core.contracts import Check
from pipeline.core.nuisance_forest import forest, sorted_in
from pipeline.core.nuisances import drawn
from pipeline.core.outcomes import Finding
from pipeline.core.parallel import num_workers
from pipeline.core.permuting import group_folds, one_of_each, relabelled
from pipeline.core.scoring import ratio


@final
@dataclass(frozen=True, kw_only=True)
class NuisanceBaseline(Check):
    """Out-of-fold balanced accuracy of a random forest on all nuisances: what every real model must beat.

    The limit is `max_skill` of the way from chance to perfect, or what luck gives in a share `alpha` of data sets where
    that is more: the fixed decisions on permuted labels.

    Args:
        max_skill: 0 (chance) to 1 (the nuisances give every label away).
        alpha: Accepted share of data sets without a shortcut in which luck passes for one.
        num_permutations: Of the labels.
        num_folds: Each is decided by a forest that learnt from the others; at least 2.
        num_trees: Of each forest.
        max_samples: Of more, whole groups are drawn so that each class has its share.
        seed: Of folds, trees, permutations and the draw.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.
    """

    max_skill: float
    alpha: float
    num_permutations: int
    num_folds: int
    num_trees: int
    max_samples: int
    seed: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0 <= self.max_skill <= 1:
            raise ValueError(f"max_skill must be 0 to 1, got {self.max_skill}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be above 0 and below 1, got {self.alpha}")
        for name, least in (("num_permutations", 1), ("num_folds", 2), ("num_trees", 1), ("max_samples", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        asked = drawn(samples, self.max_samples, self.seed)
        features = sorted_in(asked)
        labelled = Labelled.of(asked)
        single = labelled.single
        targets = np.zeros((len(asked), len(labelled.classes)), dtype=bool)
        targets[labelled.rows, labelled.codes] = True
        decided = self._decided(features, targets, labelled.groups, single)
        chance = 1 / max(1, len(labelled.classes)) if single else 0.5
        recalls = _recalls(targets, decided, single)
        luck = self._luck(labelled, targets, decided)
        limit = chance + self.max_skill * (1 - chance)
        order = [one for one in np.argsort(-recalls, kind="stable")[:5] if np.isfinite(recalls[one])]
        return Finding(
            value=max(chance, _mean(recalls, chance)),
            limit=float(max(limit, np.quantile(luck, 1 - self.alpha, method="higher"))),
            unit=f"balanced accuracy of all properties together ({chance:.3g} is chance)",
            worst={
                str(labelled.classes[one]): f"{'recall' if single else 'accuracy'} {recalls[one]:.2f}" for one in order
            },
            advice="A model that does not beat this figure may have learnt nothing of what the pictures show; "
            "see what shortcut names.",
            sentence="What light, colour, size and file alone tell, without a look at what is shown, is the least "
            "that a model must beat.",
        )

    def _decided(self, features: np.ndarray, targets: np.ndarray, groups: np.ndarray, single: bool) -> np.ndarray:
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
                grown = forest(self.num_trees, self.seed).set_params(n_jobs=num_workers()).fit(features[others], answer)
                told = grown.set_params(n_jobs=1).predict(features[mine])  # threads would add up in any order
            if len(told):
                decided[mine, column] = np.eye(targets.shape[1], dtype=bool)[told] if single else told
        return decided

    def _luck(self, labelled: Labelled, targets: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(M,) what the decisions are worth on permuted labels; each group once for labels that its size tells."""

        def recalls(rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
            permuted = relabelled(groups, self.num_permutations, self.seed)
            mine, told = targets[rows], decided[rows]
            return np.stack([_recalls(mine[np.argsort(takers)], told, labelled.single) for takers in permuted])

        found = recalls(np.arange(len(targets)), labelled.groups)
        by_size = labelled.told_by_size
        if by_size.any():
            kept = one_of_each(labelled.groups, self.seed)
            found = np.where(by_size, recalls(kept, np.arange(len(kept))), found)
        chance = 1 / max(1, targets.shape[1]) if labelled.single else 0.5
        return np.array([_mean(one, chance) for one in found])


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
