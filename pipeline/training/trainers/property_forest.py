"""A forest on properties and attributes alone, which never sees the pictures: the baseline to beat."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd
from torch import nn

from pipeline.core import config
from pipeline.core.batches import ImageDataset
from pipeline.core.contracts import CheckpointStore, Log, Predictor, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import ATTRIBUTE, PROPERTY
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.evaluation.property_forest import PropertyBinner, make_forest
from pipeline.training.calibration import Calibration
from pipeline.training.trainers.estimator import evaluate_estimator, refuse_unfit
from pipeline.training.trainers.estimator_scores import EstimatorScores, fit_scores

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject


@final
@dataclass(frozen=True, kw_only=True)
class FitPropertyForest(Trainer):
    """The forest of the check `property_baseline`, on the properties (`prop_*`) and attributes (`attr_*`) of train.

    The check also reads format, folder and position in a list; the packed pictures do not have these.

    Args:
        num_trees: Number of trees, as in the check, at least 1.
        calibration: With `none` decisions are those of the check, with equal weights of classes; `temperature` and
            `sigmoid` as in `FitEstimator`.
        seed: Of the trees.
    """

    num_trees: PositiveInt
    calibration: Calibration
    seed: Seed

    def fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: ImageDataset,
        val: ImageDataset,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> tuple[PropertyForestPredictor, list[dict[str, float]]]:
        refuse_unfit(train, val, "the forest on the properties")
        started = time.perf_counter()
        bins = PropertyBinner.fit(_require_metadata(train.metadata))
        train_features = bins(_require_metadata(train.metadata))
        answers = fit_scores(
            make_forest(self.num_trees, self.seed),
            train_features,
            train.targets,
            train.sampling_probabilities,
            task.exclusive,
        )
        val_features = bins(_require_metadata(val.metadata))
        answers = answers.calibrate(val_features, val.targets, task.exclusive, self.calibration)
        task, history = evaluate_estimator(
            answers, task, train_features, train.targets, val_features, val.targets, started, log
        )
        return PropertyForestPredictor(bins, answers, task), history


@final
class PropertyForestPredictor(Predictor):
    """Scores of a forest on properties and attributes; it needs the metadata of the pictures and looks at none.

    Args:
        bins: Bins of the properties.
        answers: Scores of the forest.
        task: Turns scores into decisions.
        metadata: A row for each picture that `predict` gets.
    """

    def __init__(
        self, bins: PropertyBinner, answers: EstimatorScores, task: Task, metadata: pd.DataFrame | None = None
    ):
        self.bins, self.answers, self.task, self.metadata = bins, answers, task, metadata

    def predict(self, images: np.ndarray) -> np.ndarray:
        rows = _require_metadata(self.metadata)
        if len(rows) != len(images):
            raise ValueError(
                f"with_metadata got {len(rows)} rows, predict got {len(images)} pictures; give a row for each picture"
            )
        return self.answers.scores(self.bins(rows), self.task)

    def with_metadata(self, metadata: pd.DataFrame) -> PropertyForestPredictor:
        return PropertyForestPredictor(self.bins, self.answers, self.task, metadata)

    def save(self, folder: Path) -> JsonObject:
        return {
            "predictor": "pipeline.training.trainers.property_forest.PropertyForestPredictor",
            **self.answers.save(folder),
            "bins": asdict(self.bins),
            "task": config.to_node(self.task),
        }

    @classmethod
    def load(cls, folder: Path, card: JsonObject) -> PropertyForestPredictor:
        task = config.build(card["task"], "card.task")
        return cls(PropertyBinner(**card["bins"]), EstimatorScores.load(folder, card, task.exclusive), task)


def _require_metadata(metadata: pd.DataFrame | None) -> pd.DataFrame:
    if metadata is None:
        raise UserError(
            f"this model reads properties and attributes of pictures ({PROPERTY}*, {ATTRIBUTE}*), not the pictures; "
            "it is a baseline for comparison, and cannot be served"
        )
    return metadata
