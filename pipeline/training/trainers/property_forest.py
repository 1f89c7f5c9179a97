"""What the pictures' properties tell of their labels, without a look at what they show: the least to beat."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import pandas as pd
from torch import nn

from pipeline.core import config
from pipeline.core.batches import Samples
from pipeline.core.contracts import CheckpointStore, Log, Predictor, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.evaluation.property_forest import Bins, forest
from pipeline.training.trainers.estimator import judged, refuse_unfit, refuse_unknown
from pipeline.training.trainers.estimator_scores import Answers, learnt


@final
@dataclass(frozen=True, kw_only=True)
class FitNuisances(Trainer):
    """The forest of the check `nuisance_baseline`, on what is measured (`prop_*`) and told (`attr_*`) of train.

    Format, folder and place in a list, which the check asks too, are not kept with the packed pictures.

    Args:
        num_trees: As in the check, at least 1.
        calibration: `none` decides as the check does, with classes weighed alike; `temperature` and `sigmoid` as in
            `FitEstimator`.
        seed: Of the trees.
    """

    num_trees: int
    calibration: Literal["none", "temperature", "sigmoid"]
    seed: int

    def __post_init__(self) -> None:
        if self.num_trees < 1:
            raise ValueError(f"num_trees must be at least 1, got {self.num_trees}")
        refuse_unknown(self.calibration)

    def fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: Samples,
        val: Samples,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> tuple[NuisancePredictor, list[dict[str, float]]]:
        refuse_unfit(train, val, "the forest of nuisances")
        started = time.perf_counter()
        bins = Bins.learnt(_of(train.told))
        known = bins(_of(train.told))
        answers = learnt(forest(self.num_trees, self.seed), known, train.targets, train.chances, task.exclusive)
        seen = bins(_of(val.told))
        answers = answers.calibrated(seen, val.targets, task.exclusive, self.calibration)
        task, history = judged(answers, task, known, train.targets, seen, val.targets, started, log)
        return NuisancePredictor(bins, answers, task), history


@final
class NuisancePredictor(Predictor):
    """Scores of a forest on nuisances; it needs what is told of the pictures and looks at none."""

    def __init__(self, bins: Bins, answers: Answers, task: Task):
        self.bins, self.answers, self.task = bins, answers, task

    def predict(self, images: np.ndarray, told: pd.DataFrame | None = None) -> np.ndarray:
        return self.answers.scores(self.bins(_of(told)), self.task)

    def save(self, folder: Path) -> dict[str, Any]:
        return {
            "predictor": "pipeline.training.trainers.property_forest.NuisancePredictor",
            **self.answers.save(folder),
            "bins": asdict(self.bins),
            "task": config.node(self.task),
        }

    @classmethod
    def load(cls, folder: Path, card: dict[str, Any]) -> NuisancePredictor:
        task = config.build(card["task"], "card.task")
        return cls(Bins(**card["bins"]), Answers.load(folder, card, task.exclusive), task)


def _of(told: pd.DataFrame | None) -> pd.DataFrame:
    if told is None:
        raise UserError(
            "this model knows what was measured of pictures and told beside them (prop_*, attr_*), not what they show; "
            "it is there to be compared with, and cannot be served"
        )
    return told
