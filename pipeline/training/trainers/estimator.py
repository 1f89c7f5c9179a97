"""Frozen features and an estimator of scikit-learn: support vectors, neighbours, trees, logistic regression."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from safetensors.torch import save_file
from sklearn.base import ClassifierMixin, clone
from torch import Tensor, nn

from pipeline.core import config, progress
from pipeline.core.batches import ImageDataset, ToTensor
from pipeline.core.contracts import CheckpointStore, Log, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Explainable, FeaturePredictor
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.features.extractor import FrozenEncoder
from pipeline.training.calibration import Calibration
from pipeline.training.random_weights import PermutedFeatures
from pipeline.training.trainers.estimator_module import EstimatorModule
from pipeline.training.trainers.estimator_scores import BLOCK, EstimatorScores, Scaling, fit_scores
from pipeline.training.trainers.network import WEIGHTS, bare_encoder, load_weights
from pipeline.training.validation_metrics import validation_figures

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

IN_MEMORY = 2**30  # bytes of features; more are in a memory-mapped temporary file


@final
@dataclass(frozen=True, kw_only=True)
class FitEstimator(Trainer):
    """Fits an estimator to the features of train, which the frozen encoder computes once.

    So augmentations have no effect, nor have the loss options of the task: an estimator has its own (`class_weight`).
    The probabilities of `sampling` become sample weights.

    Args:
        estimator: A classifier of scikit-learn, not fitted.
        scaling: Of the features. `standardise`: each to mean 0 and standard deviation 1; `unit_length`: the vector of
            each sample to length 1.
        calibration: Fitted on val: `temperature` or `sigmoid` (Platt). `none` keeps the scores of the estimator, which
            are no probabilities if it has margins only. See `calibration.calibrate`.
        max_samples: Largest train accepted, for estimators whose time grows with its square; null for no limit.
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
        for one in (self.estimator, *self.estimator.get_params().values()):
            if hasattr(one, "_parameter_constraints") and not isinstance(one, type):
                one._validate_params()  # else scikit-learn checks them in fit, after the features

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
                f"{type(self.estimator).__name__} learns from in good time; raise it, or set train=logistic"
            )
        started = time.perf_counter()
        frozen = FrozenEncoder(encoder, train.transform, self.batch_size)
        train_features = features(frozen, train)
        answers = fit_scores(
            self._with_seed(), train_features, train.targets, train.sampling_probabilities, task.exclusive, self.scaling
        )
        for one in (answers.estimator, *getattr(answers.estimator, "estimators_", ())):
            if "n_jobs" in one.get_params():
                one.set_params(n_jobs=None)  # several threads add numbers in varying order
        val_features = features(frozen, val)
        answers = answers.calibrate(val_features, val.targets, task.exclusive, self.calibration)
        task, history = evaluate_estimator(
            answers, task, train_features, train.targets, val_features, val.targets, started, log
        )
        return EstimatorPredictor(encoder, train.transform, answers, task, self.batch_size), history

    def _with_seed(self) -> Any:
        estimator = clone(self.estimator)
        random = {name: self.seed for name in estimator.get_params() if name.rpartition("__")[2] == "random_state"}
        return estimator.set_params(**random)


@final
class EstimatorPredictor(FeaturePredictor, Explainable):
    """Scores of an estimator on frozen features."""

    def __init__(self, encoder: nn.Module, transform: ToTensor, answers: EstimatorScores, task: Task, batch_size: int):
        self.network, self.answers, self.task = encoder, answers, task
        self.batch_size = batch_size
        self.frozen = FrozenEncoder(encoder, transform, batch_size)

    def predict(self, images: np.ndarray) -> np.ndarray:
        blocks = (images[start : start + BLOCK] for start in range(0, len(images), BLOCK))
        nothing = np.zeros((0, len(self.answers.shares)), np.float32)
        return np.concatenate([nothing, *(self._predict(block)[0] for block in blocks)])

    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nothing = [np.zeros((0, length), np.float32) for length in (len(self.answers.shares), self.frozen.feature_dim)]
        blocks = (self._predict(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK))
        scores, features = zip(nothing, *blocks, strict=True)
        return np.concatenate(scores), np.concatenate(features)

    def _predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = np.stack(list(self.frozen.stream(images)))
        return self.answers.scores(features, self.task), features

    def to_module(self) -> nn.Module:
        return EstimatorModule(self.frozen.encoder, self.answers, self.task.exclusive)

    def randomise(self, pictures: Tensor, seed: int) -> nn.Module:
        """The estimator on its features in another order: the encoder was not trained here, so it stays."""
        scaling = PermutedFeatures.of(self.answers.scaling, self.frozen.feature_dim, seed)
        return EstimatorModule(self.frozen.encoder, replace(self.answers, scaling=scaling), self.task.exclusive)

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
    """(M, D) float32 features of the samples in their order."""
    pictures = (samples.images[row] for row in samples.rows)
    return extract_features(frozen, pictures, len(samples), "train: features")


def extract_features(frozen: FrozenEncoder, pictures: Iterable[np.ndarray], number: int, what: str) -> np.ndarray:
    """(M, D) float32 features of M pictures, in memory, or in a temporary file if they are many.

    Args:
        frozen: The encoder.
        pictures: (*spatial, C) uint8 each.
        number: M.
        what: Runs, for a bar.
    """
    shape = (number, frozen.feature_dim)
    if 4 * shape[0] * shape[1] <= IN_MEMORY:
        result = np.empty(shape, np.float32)
    else:
        with tempfile.TemporaryFile() as file:
            result = np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
    for position, vector in enumerate(progress.track(frozen.stream(pictures), number, what)):
        result[position] = vector
    return result


def evaluate_estimator(
    answers: EstimatorScores,
    task: Task,
    train_features: np.ndarray,
    train_targets: np.ndarray,
    val_features: np.ndarray,
    val_targets: np.ndarray,
    started: float,
    log: Log,
) -> tuple[Task, list[dict[str, float]]]:
    """The task with thresholds fitted on val, and one row of figures, which is also logged.

    Args:
        train_features: Already scaled; `train_loss` is that of the first `BLOCK` samples.
        val_features: Not scaled.
    """
    train_scores = replace(answers, scaling=None).scores(train_features[:BLOCK], task)
    val_scores = answers.scores(val_features, task)
    train_loss = task.log_loss(train_targets[:BLOCK], train_scores)
    row = {"epoch": 1.0, "train_loss": train_loss, **validation_figures(task, val_targets, val_scores)}
    log(1, {**row, "images_per_second": len(train_features) / (time.perf_counter() - started)})
    return task.fit_thresholds(val_targets, val_scores), [row]


def refuse_unfit(train: ImageDataset, val: ImageDataset, name: str) -> None:
    """Refuses data and a risk that no estimator can be fitted to.

    Raises:
        UserError: There are too few samples, or the risk has cells.
    """
    if len(train) < 2 or len(val) < 1:
        raise UserError(f"training needs at least 2 samples in train and 1 in val, found {len(train)} and {len(val)}")
    if train.subgroups is not None and train.subgroups.any():
        raise UserError(f"{name} minimises a loss of its own; set risk=mean, or train=finetune for another risk")
