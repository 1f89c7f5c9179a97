"""Is test like val? Whatever is calibrated on val holds for new samples only as far as they are like it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from scipy.special import stdtr

from pipeline.core.estimate import Estimate
from pipeline.features.linear_probe import pca_directions
from pipeline.features.split_probe import separate_splits
from pipeline.statistics.bootstrap import FEW_GROUPS, MIN_GROUPS, Basis, Bootstrap, difference_interval

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

NUM_FOLDS = 5
MAX_AUC = 0.6  # of the lower end, as conf/curate/default.yaml has it for split_drift
ALPHA = 0.05
State = Literal["alike", "differ", "cannot_be_judged"]


@final
@dataclass(frozen=True, kw_only=True)
class ClassShift:
    """How the share of a class differs between val and test.

    Attributes:
        name: Of the class.
        val: Its share of val.
        test: Its share of test.
        change: test minus val.
        p: Of no difference, corrected for the number of classes (Holm); NaN where undefined.
    """

    name: str
    val: float
    test: float
    change: Estimate
    p: float

    @property
    def differs(self) -> bool:
        return self.p < ALPHA


@final
@dataclass(frozen=True, kw_only=True)
class Exchangeability:
    """What says that test is not like val.

    Attributes:
        auc: With which a probe on frozen features separates test from val; 0.5 is chance. None without features.
        shifts: Of each class.
        obstacle: Why it cannot be said, as a clause; empty where it can.
    """

    auc: Estimate | None
    shifts: list[ClassShift]
    obstacle: str

    @property
    def state(self) -> State:
        if self._pictures_differ or any(one.differs for one in self.shifts):
            return "differ"
        return "cannot_be_judged" if self.obstacle else "alike"

    @property
    def _pictures_differ(self) -> bool:
        return self.auc is not None and self.auc.low is not None and self.auc.low > MAX_AUC

    @property
    def sentence(self) -> str:
        """What follows for the claims, in words."""
        if self.state == "cannot_be_judged":
            return (
                f"Whether test is like val cannot be judged: {self.obstacle}. What was calibrated on val need not hold "
                "for test or for new pictures."
            )
        if self.state == "alike":
            return (
                "No difference between val and test was found, so what was calibrated on val can be expected to hold "
                "for pictures like these."
            )
        reasons = []
        if self._pictures_differ and self.auc is not None and self.auc.value is not None:
            reasons.append(
                f"a probe separates their pictures ({100 * self.auc.value:.0f} of 100 pairs, where chance gives 50)"
            )
        largest = max(
            (one for one in self.shifts if one.differs), key=lambda one: abs(one.test - one.val), default=None
        )
        if largest is not None:
            reasons.append(f"{largest.name} is {100 * largest.val:.1f} % of val and {100 * largest.test:.1f} % of test")
        return (
            f"Test is not like val: {', and '.join(reasons)}. Calibration and coverage that were fitted on val are "
            "not promised for test, nor for new pictures that differ in the same way; read the figures of test."
        )

    def to_json(self) -> JsonObject:
        """As `reports/policy_figures.json` holds it."""
        return {
            "state": self.state,
            "sentence": self.sentence,
            "auc": None if self.auc is None else self.auc.to_json(),
            "shifts": [
                {"class": one.name, "val": one.val, "test": one.test, "change": one.change.to_json()}
                | {"p": None if math.isnan(one.p) else one.p, "differs": one.differs}
                for one in self.shifts
            ],
        }


def compare_splits(
    targets: np.ndarray,
    is_test: np.ndarray,
    groups: np.ndarray,
    features: np.ndarray | None,
    classes: list[str],
    bootstrap: Bootstrap,
) -> Exchangeability:
    """Whether the samples of test are like those of val.

    Args:
        targets: (N, K) in {0, 1} of the samples of both.
        is_test: (N,) bool.
        groups: (N,) of each sample.
        features: (N, D) frozen features, or None.
        classes: K names.
        bootstrap: How groups are resampled.
    """
    numbers = {name: len(np.unique(groups[side])) for name, side in (("val", ~is_test), ("test", is_test))}
    few = [f"{name} has {number} groups" for name, number in numbers.items() if number < MIN_GROUPS]
    if few:
        obstacle = f"{' and '.join(few)}, and {MIN_GROUPS} are needed"
        return Exchangeability(auc=None, shifts=[], obstacle=obstacle)
    auc = None
    if features is not None:
        found = separate_splits(pca_directions(features, bootstrap.seed), is_test, groups, NUM_FOLDS, bootstrap)
        value = None if math.isnan(found.auc) else found.auc
        auc = Estimate(
            value=value, low=found.low, high=found.high, n=len(groups), groups=found.groups, caveat=found.caveat
        )
    few = [f"{name} has {number} groups" for name, number in numbers.items() if number < FEW_GROUPS]
    obstacle = f"{' and '.join(few)}, and with fewer than {FEW_GROUPS} a difference need not show" if few else ""
    shifts = class_shifts(targets, is_test, groups, classes, bootstrap)
    return Exchangeability(auc=auc, shifts=shifts, obstacle=obstacle)


def class_shifts(
    targets: np.ndarray, is_test: np.ndarray, groups: np.ndarray, classes: list[str], bootstrap: Bootstrap
) -> list[ClassShift]:
    """The difference of the share of each class, with a t test over groups and Holm's correction.

    Args and source as `compare_splits`; Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    sides = np.stack([~is_test, is_test], axis=1).astype(np.float64)

    def shares(weights: np.ndarray) -> np.ndarray:
        total = weights @ sides  # (R, 2)
        counts = np.stack([(weights * side) @ targets for side in sides.T], axis=2)  # (R, K, 2)
        return np.divide(counts, total[:, None], out=np.full(counts.shape, np.nan), where=total[:, None] > 0)

    once = shares(np.ones((1, len(groups))))[0]
    weights = bootstrap.replicates(groups)
    varied = np.concatenate([shares(block) for block in weights])
    number = min(len(np.unique(groups[side > 0])) for side in sides.T)
    found = []
    for column, name in enumerate(classes):
        change, replicates = float(once[column, 1] - once[column, 0]), varied[:, column, 1] - varied[:, column, 0]
        error = weights.spread(replicates)
        low, high = difference_interval(change, replicates, weights, len(groups), number) or (None, None)
        basis = Basis(len(groups), number)
        estimate = Estimate(
            value=change, low=low, high=high, n=len(groups), groups=number, caveat=basis.caveat(low is not None)
        )
        p = 2 * float(stdtr(number - 1, -abs(change) / error)) if error > 0 else 1.0 if change == 0 else math.nan
        val, test = map(float, once[column])
        found.append(ClassShift(name=name, val=val, test=test, change=estimate, p=p))
    return _correct(found)


def _correct(shifts: list[ClassShift]) -> list[ClassShift]:
    """The same with p values by Holm's method."""
    order = sorted(range(len(shifts)), key=lambda row: math.inf if math.isnan(shifts[row].p) else shifts[row].p)
    highest, result = 0.0, list(shifts)
    for rank, row in enumerate(order):
        if not math.isnan(shifts[row].p):
            highest = max(highest, min(1.0, shifts[row].p * (len(shifts) - rank)))
            result[row] = replace(shifts[row], p=highest)
    return result
