"""What a model decides with its scores: one record that evaluation, prediction and serving share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np
from scipy.special import expit

from pipeline.core.decision_rule import Rule
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.contracts import Task
    from pipeline.core.open_types import JsonObject

SMALLEST = 1e-12  # of a score, so that it has a logarithm
SMALLEST_LIMIT = 1e-6  # of a distance: features that never vary are 0 from each other
Abstention = Literal["never", "confidence", "sets"]
OUT_OF_DISTRIBUTION = "out of distribution"  # why a policy abstains


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Decisions:
    """What a policy says of N samples.

    Attributes:
        scores: (N, K) float32 in [0, 1], calibrated.
        decided: (N, K) bool, the labels.
        abstains: (N,) bool: a person should look at the sample.
        sets: (N, K) bool, the classes that are possible at the coverage of the policy; None where it gives no sets.
        out_of_distribution: (N,) float32, the distance from train as a multiple of the limit: a sample above 1 is
            flagged. None where the policy measures none.
        reasons: (N,) of strings, why it abstains where that is not the scores; else empty.
    """

    scores: np.ndarray
    decided: np.ndarray
    abstains: np.ndarray
    sets: np.ndarray | None
    out_of_distribution: np.ndarray | None
    reasons: np.ndarray


@final
@dataclass(frozen=True, kw_only=True)
class OutOfDistribution:
    """What a policy makes of samples whose features are far from those of train.

    Attributes:
        distance: Node of the `FeatureDistance`.
        reference: Digest of what it was fitted to, the file next to the policy.
        limit: Of the distance; a sample that is farther is flagged.
        share: Wanted share of samples like val that are flagged.
        abstains: Whether the policy abstains on flagged samples.
    """

    distance: JsonObject
    reference: str
    limit: float
    share: float
    abstains: bool

    def relate(self, distances: np.ndarray) -> np.ndarray:
        """(N,) distances to (N,) float32 multiples of the limit."""
        return np.asarray(distances / max(self.limit, SMALLEST_LIMIT)).astype(np.float32)


@final
@dataclass(frozen=True, kw_only=True)
class Policy:
    """Calibration, decision, abstention and prediction sets of one trained model, fitted on val alone.

    Attributes:
        training_key: Of the predictor it was fitted to, as in its card.
        exclusive: Whether each sample has exactly one label.
        temperatures: One per class, above 0; all equal where labels are exclusive. 1 leaves the scores as they are.
        rule: How calibrated scores become labels.
        abstention: `never`, `confidence` (the score of the decision is below `min_confidence`; of several labels any
            of them) or `sets` (the prediction set does not hold exactly one class).
        min_confidence: 0 to 1.
        coverage: Wanted share of samples whose prediction set holds the true label.
        set_thresholds: The lowest calibrated score with which a class is in the set, one per class; None: no sets.
        notes: What could not be fitted and why, as sentences.
        num_samples: Of val.
        num_groups: Independent groups of val.
        out_of_distribution: What it makes of samples far from train; None: no distance is measured.
    """

    VERSION: ClassVar[int] = 2
    READABLE: ClassVar[tuple[int, ...]] = (1, 2)  # 1 had no `out_of_distribution`
    training_key: str
    exclusive: bool
    temperatures: tuple[float, ...]
    rule: Rule
    abstention: Abstention
    min_confidence: float
    coverage: float
    set_thresholds: tuple[float, ...] | None
    notes: tuple[str, ...]
    num_samples: int
    num_groups: int
    out_of_distribution: OutOfDistribution | None = None

    def calibrate(self, scores: np.ndarray) -> np.ndarray:
        """(N, K) scores of the model to (N, K) float32 at the temperatures; the order within a sample or label stays.

        Source: Guo et al. 2017, arXiv:1706.04599.
        """
        temperatures = np.array(self.temperatures)
        if (temperatures == 1).all() or not len(scores):
            return scores.astype(np.float32)
        logits = scores_to_logits(scores, self.exclusive) / temperatures
        if not self.exclusive:
            return np.asarray(expit(logits)).astype(np.float32)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def decide(self, scores: np.ndarray, task: Task, distances: np.ndarray | None = None) -> Decisions:
        """The decisions on (N, K) scores of the model, by its task where the rule leaves the decision to it.

        Args:
            scores: (N, K), before calibration.
            task: Of the model.
            distances: (N,) of the features from train; needed where the policy has `out_of_distribution`.
        """
        calibrated = self.calibrate(scores)
        by_rule = self.rule.decide(calibrated, self.exclusive)
        decided = task.decide(scores) if by_rule is None else by_rule
        sets = None if self.set_thresholds is None else calibrated >= np.array(self.set_thresholds)
        abstains, far = self._abstains(calibrated, decided, sets), self._relate(distances)
        reasons = np.full(len(scores), "", dtype=object)
        if self.out_of_distribution is not None and self.out_of_distribution.abstains and far is not None:
            abstains = abstains | (far > 1)
            reasons[far > 1] = OUT_OF_DISTRIBUTION
        return Decisions(
            scores=calibrated, decided=decided, abstains=abstains, sets=sets, out_of_distribution=far, reasons=reasons
        )

    def _relate(self, distances: np.ndarray | None) -> np.ndarray | None:
        if self.out_of_distribution is None:
            return None
        if distances is None:
            raise ValueError("this policy flags what is far from train: give it the distance of each sample")
        return self.out_of_distribution.relate(distances)

    def _abstains(self, scores: np.ndarray, decided: np.ndarray, sets: np.ndarray | None) -> np.ndarray:
        if self.abstention == "confidence":
            return confidence_of(scores, decided, self.exclusive) < self.min_confidence
        if self.abstention == "sets" and sets is not None:
            return np.asarray(sets.sum(axis=1) != 1)
        return np.zeros(len(scores), dtype=bool)

    def to_json(self) -> JsonObject:
        """As `data/policy.json` and the card of a registered model hold it."""
        return {"version": self.VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, entry: object, classes: list[str], where: str) -> Policy:
        """The policy of a `to_json` entry.

        Args:
            entry: From a file.
            classes: Of the model.
            where: The file, for messages.

        Raises:
            UserError: It is of another version, or no policy of these classes.
        """
        found = entry if isinstance(entry, Mapping) else {}
        if found.get("version") not in cls.READABLE:
            raise UserError(
                f"{where}: policy has version {str(found.get('version'))[:20]}, expected {cls.VERSION}; install the "
                "Colibri that wrote it, or run dvc repro calibrate"
            )
        try:
            rule = Rule(
                thresholds=_numbers(found["rule"]["thresholds"]),
                costs=None
                if (rows := found["rule"]["costs"]) is None
                else tuple(tuple(map(float, row)) for row in rows),
                note=str(found["rule"]["note"]),
            )
            policy = cls(
                training_key=str(found["training_key"]),
                exclusive=found["exclusive"] is True,
                temperatures=tuple(map(float, found["temperatures"])),
                rule=rule,
                abstention=found["abstention"],
                min_confidence=float(found["min_confidence"]),
                coverage=float(found["coverage"]),
                set_thresholds=None if found["set_thresholds"] is None else tuple(map(float, found["set_thresholds"])),
                notes=tuple(map(str, found["notes"])),
                num_samples=int(found["num_samples"]),
                num_groups=int(found["num_groups"]),
                out_of_distribution=_flag_of(found.get("out_of_distribution")),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"{where}: policy cannot be read ({type(error).__name__}: {str(error)[:100]}); run dvc repro calibrate"
            ) from None
        if problem := policy.find_problem(len(classes)):
            raise UserError(f"{where}: policy {problem}; run dvc repro calibrate")
        return policy

    def find_problem(self, num_classes: int) -> str:
        """Why this is no policy of so many classes, as a clause; empty where it is one."""
        sizes = {len(self.temperatures)} | {
            len(one) for one in (self.rule.thresholds, self.set_thresholds, self.rule.costs) if one is not None
        }
        sizes |= {len(row) for row in self.rule.costs or ()}
        if sizes != {num_classes}:
            return f"is for {' or '.join(map(str, sorted(sizes)))} classes, expected {num_classes}"
        if not all(math.isfinite(one) and one > 0 for one in self.temperatures):
            return f"has a temperature that is not above 0: {self.temperatures}"
        if self.abstention not in ("never", "confidence", "sets"):
            return f"has the abstention {str(self.abstention)[:20]!r}, expected never, confidence or sets"
        far = self.out_of_distribution
        if far is not None and not (math.isfinite(far.limit) and far.limit >= 0):
            return f"has the limit {far.limit} of a distance, expected a number, at least 0"
        return ""


def scores_to_logits(scores: np.ndarray, exclusive: bool) -> np.ndarray:
    """(N, K) scores in [0, 1] to float64 logits whose softmax (of exclusive labels) or sigmoid they are."""
    inner = np.clip(scores.astype(np.float64), SMALLEST, 1)
    return np.asarray(np.log(inner) if exclusive else np.log(inner) - np.log(np.clip(1 - inner, SMALLEST, 1)))


def confidence_of(scores: np.ndarray, decided: np.ndarray, exclusive: bool) -> np.ndarray:
    """(N,) how sure the decision on a sample is, 0 to 1.

    The score of the decided class; of several labels the least of s where a label is decided and 1 - s where it is not.
    """
    if exclusive:
        return np.asarray(np.where(decided, scores, 0).max(axis=1, initial=0.0))
    return np.asarray(np.where(decided, scores, 1 - scores).min(axis=1, initial=1.0))


def _numbers(values: Any) -> tuple[float | None, ...] | None:
    return None if values is None else tuple(None if one is None else float(one) for one in values)


def _flag_of(entry: Any) -> OutOfDistribution | None:
    if entry is None:
        return None
    return OutOfDistribution(
        distance=dict(entry["distance"]),
        reference=str(entry["reference"]),
        limit=float(entry["limit"]),
        share=float(entry["share"]),
        abstains=entry["abstains"] is True,
    )
