"""Do val and test show the same things as train?"""

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
from pipeline.features.linear_probe import pca_directions
from pipeline.features.split_probe import separate_splits
from pipeline.statistics.bootstrap import MIN_GROUPS, Bootstrap


@dataclass(frozen=True, kw_only=True)
class SplitProbe:
    """How well a probe separates one split from train.

    Attributes:
        split: Name of the other split.
        auc: AUC of the separation; 0.5 is chance.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        num_samples: Samples of the split.
        num_groups: Groups of the split.
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
    """The AUC with which a probe separates val, or test, from train, out of fold; 0.5 is chance.

    The value is the lower end of the 95 % interval of the AUC, over groups, so that a small split does not fail by
    chance. With a split of fewer than 5 groups the check cannot be judged.

    The AUC compares pictures of one fold only: each fold has its own probe, and scores of two probes are not on one
    scale. Without any drift between 28 and 6 groups of 20, it was 0.498 (standard error 0.008) within folds and 0.481
    over all folds. With few groups a single AUC varies widely, to both sides of 0.5.

    Args:
        max_auc: Largest accepted lower end of the interval, 0.5 to 1.
        num_folds: Folds of the cross-validation, at least 2.
        num_resamples: Bootstrap resamples, at least 100.
        seed: Seed of the folds and resamples.

    Source: the classifier two-sample test, Lopez-Paz and Oquab 2017, arXiv:1610.06545.
    """

    question: ClassVar[str] = "Do val and test show the same things as train?"

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
        names = [] if "train" in few else [name for name in ("val", "test") if name not in few]
        probes = [self._probe_split(name, reduced, split, groups) for name in names]
        probes.sort(key=lambda one: -one.low)
        worst = probes[0] if probes else None
        value = max(0.5, round(worst.low, 6)) if worst else 0.5
        return Finding(
            value=value,
            limit=self.max_auc,
            unit="AUC (lower end of its interval) with which a probe separates a split from train",
            worst={one.split: f"AUC {one.auc:.3f} ({one.low:.3f} to {one.high:.3f})" for one in probes},
            advice="Split at random by groups, or collect what a split lacks; else test is unlike train.",
            sentence=_sentence(worst, value > self.max_auc) + _below_chance(probes),
            pictures=_extremes(worst, samples["sample_id"].to_numpy(dtype=str)) if value > self.max_auc else {},
            table=[
                {"split": one.split, "auc": one.auc, "low": one.low, "high": one.high}
                | {"samples": one.num_samples, "groups": one.num_groups}
                for one in probes
            ],
            obstacle=""
            if not few
            else f"{_and(few).capitalize()} {'has' if len(few) == 1 else 'have'} fewer than {MIN_GROUPS} groups, too "
            "few to measure how they differ; split into more groups, or give smaller groups.",
        )

    def _probe_split(self, name: str, reduced: np.ndarray, split: np.ndarray, groups: np.ndarray) -> SplitProbe:
        rows = np.flatnonzero(np.isin(split, ["train", name]))
        other, together = split[rows] == name, groups[rows]
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        found = separate_splits(reduced[rows], other, together, self.num_folds, bootstrap)
        ranked = np.argsort(-found.scores, kind="stable")
        return SplitProbe(
            split=name,
            auc=0.5 if np.isnan(found.auc) else found.auc,
            low=0.5 if found.low is None else found.low,
            high=1.0 if found.high is None else found.high,
            num_samples=int(other.sum()),
            num_groups=len(np.unique(together[other])),
            strange=rows[ranked[other[ranked]][:MAX_IN_STRIP]],
            usual=rows[ranked[~other[ranked]][::-1][:MAX_IN_STRIP]],
        )


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _sentence(worst: SplitProbe | None, beyond: bool) -> str:
    if worst is None:
        return "There are too few groups of pictures to compare the splits."
    if not beyond:
        return "A simple model hardly separates validation or test from train."
    return (
        f"Pictures of {worst.split} differ from those of train: given one of each, a simple model finds the one of "
        f"{worst.split} in {100 * worst.auc:.0f} % of the cases (95 % interval {100 * worst.low:.0f} to "
        f"{100 * worst.high:.0f} %), where chance gives 50 %."
    )


def _below_chance(probes: list[SplitProbe]) -> str:
    """What an AUC below 0.5 means, for the splits that have one; else empty."""
    low = [one.split for one in probes if one.auc < 0.5]
    return f" For {_and(low)} the model is right less often than by chance: that is no difference." if low else ""


def _extremes(worst: SplitProbe | None, names: np.ndarray) -> dict[str, list[str]]:
    if worst is None:
        return {}
    return {
        f"Of {worst.split}, least like train": names[worst.strange].tolist(),
        f"Of train, least like {worst.split}": names[worst.usual].tolist(),
    }
