"""What the pictures' properties tell of their labels, without a look at what they show: the least to beat."""

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
    """The forest of the check `property_baseline`, on what is measured (`prop_*`) and told (`attr_*`) of train.

    Format, folder and place in a list, which the check asks too, are not kept with the packed pictures.

    Args:
        num_trees: As in the check, at least 1.
        calibration: `none` decides as the check does, with classes weighed alike; `temperature` and `sigmoid` as in
            `FitEstimator`.
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
        bins = PropertyBinner.fit(_of(train.metadata))
        known = bins(_of(train.metadata))
        answers = fit_scores(
            make_forest(self.num_trees, self.seed), known, train.targets, train.sampling_probabilities, task.exclusive
        )
        seen = bins(_of(val.metadata))
        answers = answers.calibrate(seen, val.targets, task.exclusive, self.calibration)
        task, history = evaluate_estimator(answers, task, known, train.targets, seen, val.targets, started, log)
        return PropertyForestPredictor(bins, answers, task), history


@final
class PropertyForestPredictor(Predictor):
    """Scores of a forest on the properties; it needs what is known beside the pictures and looks at none.

    Args:
        bins: Of the properties.
        answers: Of the forest.
        task: Decides.
        metadata: A row for each picture that it will be given.
    """

    def __init__(
        self, bins: PropertyBinner, answers: EstimatorScores, task: Task, metadata: pd.DataFrame | None = None
    ):
        self.bins, self.answers, self.task, self.metadata = bins, answers, task, metadata

    def predict(self, images: np.ndarray) -> np.ndarray:
        rows = _of(self.metadata)
        if len(rows) != len(images):
            raise ValueError(f"with_metadata was given {len(rows)} rows, and predict {len(images)} pictures")
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


def _of(told: pd.DataFrame | None) -> pd.DataFrame:
    if told is None:
        raise UserError(
            f"this model knows what was measured of pictures and told beside them ({PROPERTY}*, {ATTRIBUTE}*), not "
            "what they show; it is there to be compared with, and cannot be served"
        )
    return told
