"""Frozen features and an estimator of scikit-learn: support vectors, neighbours, trees, logistic regression."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from safetensors.torch import save_file
from sklearn.base import ClassifierMixin, clone
from torch import nn
from tqdm import tqdm

from pipeline.core import config
from pipeline.core.batches import ImageDataset, ToTensor
from pipeline.core.contracts import CheckpointStore, Log, Predictor, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.features.extractor import FrozenEncoder
from pipeline.training.calibration import Calibration
from pipeline.training.trainers.estimator_scores import BLOCK, EstimatorScores, Scaling, fit_scores
from pipeline.training.trainers.network import WEIGHTS, bare_encoder, load_weights
from pipeline.training.validation_metrics import validation_figures

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

IN_MEMORY = 2**30  # bytes of features; more lie in a temporary file, mapped


@final
@dataclass(frozen=True, kw_only=True)
class FitEstimator(Trainer):
    """The encoder stays as it is; its features of train are computed once, and an estimator learns from them.

    So augmentations play no part, nor do the options of the task's loss: an estimator has its own (`class_weight`).
    Sampling's chances are taken as weights of the samples.

    Args:
        estimator: A classifier of scikit-learn, not fitted.
        scaling: Of the features. `standardise`: mean 0 and spread 1 each; `unit_length`: each sample's to length 1.
        calibration: Learnt on val: `temperature`, `sigmoid` (Platt's), or `none`, for scores that are then the
            estimator's own, or no probabilities where it knows margins only. See `calibration.calibrate`.
        max_samples: Of train; more are refused, for estimators whose time grows with their square. Null for any number.
        batch_size: Pictures per forward pass, at least 1.
        seed: Of the estimator, and of an encoder without weights.
    """

    estimator: Any
    scaling: Scaling
    calibration: Calibration
    max_samples: PositiveInt | None
    batch_size: PositiveInt
    seed: Seed

    def __post_init__(self) -> None:
        if not isinstance(self.estimator, ClassifierMixin):
            raise ValueError(f"estimator must be a classifier of scikit-learn, got {type(self.estimator).__name__}")

    def fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: ImageDataset,
        val: ImageDataset,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> tuple[EstimatorPredictor, list[dict[str, float]]]:
        refuse_unfit(train, val, type(self.estimator).__name__)
        if self.max_samples is not None and len(train) > self.max_samples:
            raise UserError(
                f"train has {len(train):,} samples, more than train.max_samples {self.max_samples:,} that "
                f"{type(self.estimator).__name__} learns from in good time; raise it, or take train=logistic"
            )
        started = time.perf_counter()
        frozen = FrozenEncoder(encoder, train.transform, self.batch_size)
        known = features(frozen, train)
        answers = fit_scores(
            self._with_seed(), known, train.targets, train.sampling_probabilities, task.exclusive, self.scaling
        )
        for one in (answers.estimator, *getattr(answers.estimator, "estimators_", ())):
            if "n_jobs" in one.get_params():
                one.set_params(n_jobs=None)  # several threads add up in the order in which they end
        answers = answers.calibrate(seen := features(frozen, val), val.targets, task.exclusive, self.calibration)
        task, history = evaluate_estimator(answers, task, known, train.targets, seen, val.targets, started, log)
        return EstimatorPredictor(encoder, train.transform, answers, task, self.batch_size), history

    def _with_seed(self) -> Any:
        estimator = clone(self.estimator)
        random = {name: self.seed for name in estimator.get_params() if name.rpartition("__")[2] == "random_state"}
        return estimator.set_params(**random)


@final
class EstimatorPredictor(Predictor):
    """Scores of an estimator on frozen features."""

    def __init__(self, encoder: nn.Module, transform: ToTensor, answers: EstimatorScores, task: Task, batch_size: int):
        self.network, self.answers, self.task = encoder, answers, task
        self.batch_size = batch_size
        self.frozen = FrozenEncoder(encoder, transform, batch_size)

    def predict(self, images: np.ndarray) -> np.ndarray:
        scores = [np.zeros((0, len(self.answers.shares)), np.float32)]
        for start in range(0, len(images), BLOCK):
            block = list(self.frozen.stream(images[start : start + BLOCK]))
            scores.append(self.answers.scores(np.stack(block), self.task))
        return np.concatenate(scores)

    def save(self, folder: Path) -> JsonObject:
        weights = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        if weights:
            save_file(weights, folder / WEIGHTS)
        return {
            "predictor": "pipeline.training.trainers.estimator.EstimatorPredictor",
            **self.answers.save(folder),
            "batch_size": self.batch_size,
            "task": config.to_node(self.task),
        }

    @classmethod
    def load(cls, folder: Path, card: JsonObject) -> EstimatorPredictor:
        encoder = bare_encoder(card)
        if encoder.state_dict():
            load_weights(encoder, folder / WEIGHTS)
        transform, task = (config.build(card[name], f"card.{name}") for name in ("transform", "task"))
        return cls(encoder, transform, EstimatorScores.load(folder, card, task.exclusive), task, card["batch_size"])


def features(frozen: FrozenEncoder, samples: ImageDataset) -> np.ndarray:
    """(M, D) float32 of the samples in their order, in memory, or in a temporary file where they are many."""
    shape = (len(samples), frozen.feature_dim)
    if 4 * shape[0] * shape[1] <= IN_MEMORY:
        result = np.empty(shape, np.float32)
    else:
        with tempfile.TemporaryFile() as file:
            result = np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
    pictures = (samples.images[row] for row in samples.rows)
    shown = tqdm(frozen.stream(pictures), desc="features", total=len(samples), unit=" images", disable=None)
    for place, one in enumerate(shown):
        result[place] = one
    return result


def evaluate_estimator(
    answers: EstimatorScores,
    task: Task,
    known: np.ndarray,
    known_targets: np.ndarray,
    seen: np.ndarray,
    seen_targets: np.ndarray,
    started: float,
    log: Log,
) -> tuple[Task, list[dict[str, float]]]:
    """The task tuned on val, and the one row of figures, which is logged.

    Args:
        known: Features of train, scaled already; the loss there is told of the first `BLOCK` of them.
        seen: Features of val, not scaled.
    """
    some = replace(answers, scaling=None).scores(known[:BLOCK], task)
    scores = answers.scores(seen, task)
    train_loss = task.log_loss(known_targets[:BLOCK], some)
    row = {"epoch": 1.0, "train_loss": train_loss, **validation_figures(task, seen_targets, scores)}
    log(1, {**row, "images_per_second": len(known) / (time.perf_counter() - started)})
    return task.fit_thresholds(seen_targets, scores), [row]


def refuse_unfit(train: ImageDataset, val: ImageDataset, name: str) -> None:
    """What no estimator can do with samples."""
    if len(train) < 2 or len(val) < 1:
        raise UserError(f"training needs at least 2 samples in train and 1 in val, found {len(train)} and {len(val)}")
    if train.subgroups is not None and train.subgroups.any():
        raise UserError(f"{name} makes a loss of its own small; set risk=mean, or train=finetune for another risk")
