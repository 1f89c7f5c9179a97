"""What an experiment left in its commit and in DVC's cache, read without checking anything out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import read_estimates
from pipeline.evaluation.paired_comparison import load_test_predictions
from pipeline.experiments.table import Outcome
from pipeline.tracking import runs
from pipeline.training import model_card

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Predictor

MAX_PICTURES = 256  # on which speed is measured
Scorer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class ExperimentOutputs:
    """The artifacts of one experiment.

    Attributes:
        folder: Where those that are needed whole were written.
        results_key: Of its MLflow run.
    """

    name: str
    folder: Path
    results_key: str

    @property
    def predictor(self) -> Path:
        return self.folder / artifacts.PREDICTOR

    def outcome(self, metric: str) -> Outcome:
        """Figures, test predictions and costs.

        Raises:
            UserError: It was not measured by this metric.
        """
        figures = read_estimates(self.folder / artifacts.TEST_METRICS)
        if metric not in figures:
            raise UserError(
                f"its reports/test_metrics.json has no {metric!r}; add it to metric in conf/experiment/{self.name}.yaml"
            )
        told = artifacts.read_json(self.predictor / model_card.CARD)
        return Outcome(
            name=self.name,
            estimate=figures[metric],
            test=load_test_predictions(self.folder / artifacts.PREDICTIONS, told["classes"]),
            num_bytes=sum(path.stat().st_size for path in self.predictor.rglob("*") if path.is_file()),
            train_seconds=runs.training_seconds(told["training_key"]),
        )

    def speed_material(self) -> tuple[Scorer, np.ndarray]:
        """What scores, and (N, *spatial, C) uint8: the first test samples, at most `MAX_PICTURES`, as packed."""
        index = artifacts.read_table(self.folder / artifacts.PACKED / "index.parquet")
        rows = np.flatnonzero(index["split"].to_numpy() == "test")[:MAX_PICTURES]
        images = np.load(self.folder / artifacts.PACKED / "images.npy", mmap_mode="r")
        return make_scorer(model_card.load_predictor(self.predictor)[0], index.iloc[rows]), np.ascontiguousarray(
            images[rows]
        )


def make_scorer(predictor: Predictor, told: pd.DataFrame) -> Scorer:
    """What turns these pictures into scores.

    Args:
        predictor: Trained.
        told: A row for each picture it will be given.
    """
    return predictor.with_metadata(told.reset_index(drop=True)).predict


def bring_outputs(name: str, revision: str, folder: Path) -> ExperimentOutputs:
    """Brings what a leaderboard needs of an experiment into a folder; what is in DVC's cache is linked, not copied.

    Raises:
        UserError: An output is neither in the cache nor at the remote.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        system = DVCFileSystem(repo=".", rev=revision)
        for one in (artifacts.TEST_METRICS, artifacts.PREDICTIONS, artifacts.REGISTRATION):
            _bring(system, str(one), folder / one)
        for tree in (artifacts.PREDICTOR, artifacts.PACKED):
            for path in system.find(str(tree)):
                _bring(system, path, folder / str(path).lstrip("/"))
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"its outputs are not in DVC's cache ({reason}); see dvc exp list -A, dvc exp remove it and run this again"
        ) from None
    registration = json.loads((folder / artifacts.REGISTRATION).read_text(encoding="utf-8"))
    return ExperimentOutputs(name, folder, registration["results_key"])


def _bring(system: Any, path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    found = system.info(path)
    key = found.get("md5")
    cached = Path(system.repo.cache.local.oid_to_path(key)) if key else None
    if cached is not None and cached.is_file():
        target.symlink_to(cached.resolve())
    else:
        system.get_file(path, str(target))
