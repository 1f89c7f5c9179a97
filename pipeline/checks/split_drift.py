"""Do val and test show what train shows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pipeline.core.content import EmbeddedImages
from pipeline.core.contracts import FeatureCheck
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.ranges import Seed
from pipeline.core.results import MAX_IN_STRIP, Finding
from pipeline.features.linear_probe import Folds, out_of_fold_probabilities, pca_directions, stratified_group_folds
from pipeline.statistics.bootstrap import MIN_GROUPS, Basis, Bootstrap, share_interval
from pipeline.statistics.classification import rarer_side, roc_auc


@dataclass(frozen=True, kw_only=True)
class SplitProbe:
    """How well one split is told from train.

    Attributes:
        split: The other one.
        auc: 0.5 is not at all.
        low: Of its 95 % interval.
        high: Of its 95 % interval.
        num_samples: Of the split.
        num_groups: Of the split.
        strange: Rows of the split that look least like train, the worst first.
        usual: Rows of train that look least like the split.
    """

    split: str
    auc: float
    low: float
    high: float
    num_samples: int
    num_groups: int
    strange: np.ndarray
    usual: np.ndarray


@final
@dataclass(frozen=True, kw_only=True)
class SplitDrift(FeatureCheck):
    """How well a probe tells the pictures of val, or of test, from those of train, judged on groups it did not learn.

    0.5 is not at all. What is judged is the lower end of the 95 % interval of the AUC, resampling groups, so that a
    small split is not blamed for chance. A split of fewer than 5 groups cannot be judged.

    The AUC compares pictures of one fold only: each fold has a probe of its own, whose scores are not on one scale with
    those of others. Where nothing differed between 28 and 6 groups of 20, it was 0.498 (standard error 0.008) within
    folds and 0.481 over all of them. Of few groups a single one scatters widely, to both sides of 0.5.

    Args:
        max_auc: Largest accepted lower end, 0.5 to 1.
        num_folds: Of the cross-validation, at least 2.
        num_resamples: Bootstrap resamples, at least 100.
        seed: Of folds and resamples.

    Source: the classifier two-sample test, Lopez-Paz and Oquab 2017, arXiv:1610.06545.
    """

    question: ClassVar[str] = "Do val and test show what train shows?"

    max_auc: Annotated[float, Interval(ge=0.5, le=1)]
    num_folds: Annotated[int, Ge(2)]
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame, content: EmbeddedImages) -> Finding:
        reduced = pca_directions(content.features, self.seed)
        split, groups = samples["split"].to_numpy(dtype=str), samples["group"].to_numpy(dtype=str)
        num_groups = {name: len(np.unique(groups[split == name])) for name in SPLITS}
        few = [name for name, num in num_groups.items() if num < MIN_GROUPS]
        asked = [] if "train" in few else [name for name in ("val", "test") if name not in few]
        told = [self._probe_splits(name, reduced, split, groups) for name in asked]
        told.sort(key=lambda one: -one.low)
        worst = told[0] if told else None
        value = max(0.5, round(worst.low, 6)) if worst else 0.5
        return Finding(
            value=value,
            limit=self.max_auc,
            unit="AUC (lower end of its interval) with which content tells a split from train",
            worst={one.split: f"AUC {one.auc:.3f} ({one.low:.3f} to {one.high:.3f})" for one in told},
            advice="Split at random among groups, or collect what one split lacks; else test speaks of other data.",
            sentence=_sentence(worst, value > self.max_auc) + _below(told),
            pictures=_extremes(worst, samples["sample_id"].to_numpy(dtype=str)) if value > self.max_auc else {},
            table=[
                {"split": one.split, "auc": one.auc, "low": one.low, "high": one.high}
                | {"samples": one.num_samples, "groups": one.num_groups}
                for one in told
            ],
            obstacle=""
            if not few
            else f"Of {_and(few)} there are fewer than {MIN_GROUPS} groups, too few to show how much groups differ; "
            "split into more groups, or tell smaller ones.",
        )

    def _probe_splits(self, name: str, reduced: np.ndarray, split: np.ndarray, groups: np.ndarray) -> SplitProbe:
        rows = np.flatnonzero(np.isin(split, ["train", name]))
        other, together = split[rows] == name, groups[rows]
        parts = stratified_group_folds(other.astype(int), together, self.num_folds, self.seed)
        scores = out_of_fold_probabilities(reduced[rows], other.astype(int), parts)[:, 1:]
        auc = float(_within_folds(other, scores, parts, np.ones((1, len(other))))[0])
        weights = Bootstrap(num_resamples=self.num_resamples, seed=self.seed).replicates(together)
        varied = np.concatenate([_within_folds(other, scores, parts, block) for block in weights])
        basis = Basis.of(rarer_side(other[:, None]), together)
        low, high, _ = share_interval(auc, varied, weights, basis.n, basis.groups) or (None, None, "")
        auc = 0.5 if np.isnan(auc) else auc
        ranked = np.argsort(-scores[:, 0], kind="stable")
        return SplitProbe(
            split=name,
            auc=auc,
            low=0.5 if low is None else low,
            high=1.0 if high is None else high,
            num_samples=int(other.sum()),
            num_groups=len(np.unique(together[other])),
            strange=rows[ranked[other[ranked]][:MAX_IN_STRIP]],
            usual=rows[ranked[~other[ranked]][::-1][:MAX_IN_STRIP]],
        )


def _within_folds(other: np.ndarray, scores: np.ndarray, parts: Folds, weights: np.ndarray) -> np.ndarray:
    """(R,) AUC over the pairs of one picture of each side that lie in the same fold; NaN where there is none.

    Args:
        other: (N,) whether a picture is of the other split.
        scores: (N, 1) how much it looks so.
        parts: The folds.
        weights: (R, N) of each picture in each resample.
    """
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for _, judged in parts:
        mine, side = weights[:, judged], other[judged]
        num = mine[:, side].sum(axis=1) * mine[:, ~side].sum(axis=1)
        auc = roc_auc(side[:, None].astype(float), scores[judged], mine)[:, 0]
        won += np.where(num > 0, num * auc, 0.0)
        pairs += num
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _sentence(worst: SplitProbe | None, beyond: bool) -> str:
    if worst is None:
        return "There are too few groups of pictures to tell whether the splits differ."
    if not beyond:
        return "Validation and test show what train shows: by their looks one can hardly tell which is which."
    return (
        f"Pictures of {worst.split} look otherwise than those of train: shown one of each, a simple rule knows which "
        f"is which {worst.auc:.0%} of the time, where guessing gives 50 %."
    )


def _below(told: list[SplitProbe]) -> str:
    """What an AUC below one half means, where there is one."""
    low = [one.split for one in told if one.auc < 0.5]
    return (
        f" For {_and(low)} the rule is right less often than a guess: that is chance, and no difference." if low else ""
    )


def _extremes(worst: SplitProbe | None, names: np.ndarray) -> dict[str, list[str]]:
    if worst is None:
        return {}
    return {
        f"Of {worst.split}, least like train": names[worst.strange].tolist(),
        f"Of train, least like {worst.split}": names[worst.usual].tolist(),
    }
