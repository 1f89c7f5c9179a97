"""Scores of a fitted estimator of scikit-learn: features in, one score per class out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from sklearn.multioutput import MultiOutputClassifier
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from pipeline.core.contracts import Task
from pipeline.core.errors import UserError
from pipeline.training import skops_file
from pipeline.training.calibration import Calibration, calibrate

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

FILE = "estimator.skops"
BLOCK = 4096  # samples scaled or scored at a time
FLOOR = 1e-6  # least probability: a leaf with samples of one class only does not make the others impossible
Scaling = Literal["none", "standardise", "unit_length"]


@dataclass(frozen=True, kw_only=True, eq=False)
class EstimatorScores:
    """A fitted estimator, and how its outputs become scores.

    Attributes:
        estimator: Fitted; for labels that are not exclusive, on those that some samples of train have and others lack.
        scaling: A fitted transformer of the features, or None.
        shares: (K,) of each class in train; the score of a label that all or no samples have there.
        slopes: (K,) of the calibration.
        offsets: (K,) of the calibration.
    """

    estimator: Any
    scaling: Any
    shares: list[float]
    slopes: list[float]
    offsets: list[float]

    def logits(self, features: np.ndarray, exclusive: bool) -> np.ndarray:
        """(N, D) features to (N, K) logits before calibration."""
        blocks = [features[start : start + BLOCK] for start in range(0, len(features), BLOCK)]
        with translate_errors(self.estimator):
            return np.concatenate([np.zeros((0, len(self.shares))), *(self._block(one, exclusive) for one in blocks)])

    def scores(self, features: np.ndarray, task: Task) -> np.ndarray:
        """(N, D) features to (N, K) float32 scores."""
        logits = self.logits(features, task.exclusive) * self.slopes + self.offsets
        result: np.ndarray = task.probabilities(torch.from_numpy(logits)).numpy().astype(np.float32)
        return result

    def calibrate(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        exclusive: bool,
        kind: Calibration,
    ) -> EstimatorScores:
        """The same estimator, with slopes and offsets fitted to other samples than those it was fitted to."""
        slopes, offsets = calibrate(self.logits(features, exclusive), targets, exclusive, kind)
        return replace(self, slopes=slopes.tolist(), offsets=offsets.tolist())

    def save(self, folder: Path) -> JsonObject:
        """Writes the estimator; returns the entries of the card that `load` needs."""
        state = {"estimator": self.estimator, "scaling": self.scaling}
        return {
            "estimator": skops_file.write(folder / FILE, state),
            "shares": self.shares,
            "calibration": {"slopes": self.slopes, "offsets": self.offsets},
        }

    @classmethod
    def load(cls, folder: Path, card: JsonObject, exclusive: bool) -> EstimatorScores:
        state = skops_file.read(folder / FILE, card["estimator"])
        answers = cls(**state, shares=card["shares"], **card["calibration"])
        sizes = {len(one) for one in (answers.shares, answers.slopes, answers.offsets)}
        sizes |= {len(answers.estimator.classes_)} if exclusive else set()
        if sizes != {len(card["classes"])}:
            raise UserError(
                f"{folder / FILE} has scores for {' or '.join(map(str, sorted(sizes)))} classes, but its card names "
                f"{len(card['classes'])}; run dvc repro train"
            )
        return answers

    def _block(self, features: np.ndarray, exclusive: bool) -> np.ndarray:
        if self.scaling is not None:
            features = self.scaling.transform(features)
        if exclusive:
            return _of_one(self.estimator, features)
        shares = np.array(self.shares)
        result = np.tile(_log_odds(shares), (len(features), 1))
        result[:, _varying_columns(shares)] = _of_each(self.estimator, features)
        return result


def fit_scores(
    estimator: Any,
    features: np.ndarray,
    targets: np.ndarray,
    probabilities: np.ndarray | None,
    exclusive: bool,
    scaling: Scaling = "none",
) -> EstimatorScores:
    """An estimator fitted to (N, K) targets; the (N, D) features are scaled in place.

    Exclusive classes are one problem. Otherwise each label is a problem of its own, unless the estimator fits several
    labels at once and has no class weights.

    Args:
        probabilities: (N,) of the samples in sampling; they become sample weights. None for equal weights.

    Raises:
        UserError: A class is missing, no label varies, or the estimator refuses its input.
    """
    shares = targets.mean(axis=0, dtype=np.float64)
    _refuse_missing(shares, exclusive)
    weights = {} if probabilities is None else {"sample_weight": probabilities * len(probabilities)}
    if weights and not has_fit_parameter(estimator, "sample_weight"):
        raise UserError(
            f"{type(estimator).__name__} cannot weight samples; set sampling=shuffled, or another option of train"
        )
    scaler = fit_scaling(features, scaling)
    truth: np.ndarray = targets.argmax(axis=1) if exclusive else targets[:, _varying_columns(shares)].astype(np.int64)
    if not exclusive and not (truth.shape[1] > 1 and _takes_all(estimator)):
        estimator = MultiOutputClassifier(estimator)
    with translate_errors(estimator):
        fitted = estimator.fit(features, truth, **weights)
    num_classes = len(shares)
    return EstimatorScores(
        estimator=fitted,
        scaling=scaler,
        shares=shares.tolist(),
        slopes=[1.0] * num_classes,
        offsets=[0.0] * num_classes,
    )


def fit_scaling(features: np.ndarray, scaling: str) -> Any:
    """Scales (N, D) features in place, a block at a time; returns the fitted scaler, or None."""
    if scaling == "none":
        return None
    scaler = StandardScaler() if scaling == "standardise" else Normalizer()
    starts = range(0, len(features), BLOCK)
    if scaling == "standardise":
        for start in starts:
            scaler.partial_fit(features[start : start + BLOCK])
    for start in starts:
        features[start : start + BLOCK] = scaler.transform(features[start : start + BLOCK])
    return scaler


@contextmanager
def translate_errors(estimator: Any) -> Iterator[None]:
    """Turns an error of scikit-learn into one line.

    Raises:
        UserError: scikit-learn refuses its input.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        inner = getattr(estimator, "estimator", estimator)
        reason = re.sub(r"\s+", " ", str(error)).strip()
        raise UserError(f"train: {type(inner).__name__} refuses: {reason}") from None


def _refuse_missing(shares: np.ndarray, exclusive: bool) -> None:
    num_classes = len(shares)
    if exclusive and (num_classes < 2 or not shares.all()):
        missing = ", ".join(str(one + 1) for one in np.flatnonzero(shares == 0))
        problem = (
            f"no sample of class {missing} of {num_classes} (in alphabetical order)" if missing else "one class only"
        )
        raise UserError(
            f"train has {problem}; add samples, or change split, so that at least two classes all have some"
        )
    if not exclusive and not len(_varying_columns(shares)):
        raise UserError("train has no label that some samples have and others lack; add samples, or change split")


def _varying_columns(shares: np.ndarray) -> np.ndarray:
    """Columns of the labels that some samples have and others lack."""
    return np.flatnonzero((shares > 0) & (shares < 1))


def _takes_all(estimator: Any) -> bool:
    tags = get_tags(estimator)
    return bool(tags.classifier_tags.multi_label) and estimator.get_params().get("class_weight") is None


def _of_one(estimator: Any, features: np.ndarray) -> np.ndarray:
    """(N, K) logits of exclusive classes."""
    if hasattr(estimator, "predict_proba"):
        return np.log(np.clip(estimator.predict_proba(features), FLOOR, 1))
    margins: np.ndarray = np.asarray(estimator.decision_function(features), dtype=np.float64)
    return margins if margins.ndim > 1 else np.stack([-margins / 2, margins / 2], axis=1)


def _of_each(estimator: Any, features: np.ndarray) -> np.ndarray:
    """(N, L) logits of labels that are not exclusive."""
    if not isinstance(estimator, MultiOutputClassifier):
        return np.stack([_log_odds(one[:, 1]) for one in estimator.predict_proba(features)], axis=1)
    logits = [_of_one(one, features) for one in estimator.estimators_]
    return np.stack([one[:, 1] - one[:, 0] for one in logits], axis=1)


def _log_odds(shares: np.ndarray) -> np.ndarray:
    inside = np.clip(shares, FLOOR, 1 - FLOOR)
    return np.log(inside) - np.log1p(-inside)
