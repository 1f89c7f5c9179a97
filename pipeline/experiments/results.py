"""Reads the outputs of an experiment from its commit and DVC's cache, without checking anything out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, TYPE_CHECKING

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

INDEX, IMAGES = artifacts.PACKED / "index.parquet", artifacts.PACKED / "images.npy"
MAX_PICTURES = 256  # on which speed is measured
Scorer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class ExperimentOutputs:
    """The artifacts of one experiment.

    Attributes:
        folder: Where they were written.
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
            UserError: The experiment does not measure this metric.
        """
        figures = read_estimates(self.folder / artifacts.TEST_METRICS)
        if metric not in figures:
            raise UserError(
                f"its reports/test_metrics.json has no {metric!r}; add it to the metrics that {self.name} measures"
            )
        card = artifacts.read_json(self.predictor / model_card.CARD)
        return Outcome(
            name=self.name,
            estimate=figures[metric],
            test=load_test_predictions(self.folder / artifacts.PREDICTIONS, card["classes"]),
            num_bytes=sum(path.stat().st_size for path in self.predictor.rglob("*") if path.is_file()),
            train_seconds=runs.training_seconds(card["training_key"]),
        )

    def speed_material(self) -> tuple[Scorer, np.ndarray]:
        """A scorer, and (N, *spatial, C) uint8: the first test samples, at most `MAX_PICTURES`, as packed."""
        index = artifacts.read_table(self.folder / INDEX)
        predictor, _ = model_card.load_predictor(self.predictor)
        return make_scorer(predictor, index.iloc[find_test_rows(index)]), np.load(self.folder / IMAGES)


def make_scorer(predictor: Predictor, metadata: pd.DataFrame) -> Scorer:
    """A function from these pictures to their scores.

    Args:
        predictor: Trained.
        metadata: A row of `prop_*` and `attr_*` for each picture, in order.
    """
    return predictor.with_metadata(metadata.reset_index(drop=True)).predict


def bring_outputs(name: str, revision: str, folder: Path) -> ExperimentOutputs:
    """Copies what a leaderboard needs of an experiment into a folder: of the packed pictures only the first of test.

    Raises:
        UserError: An output is neither in the cache nor at the remote, or the packed pictures are damaged.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        system = DVCFileSystem(repo=".", rev=revision)
        for path in (artifacts.TEST_METRICS, artifacts.PREDICTIONS, artifacts.REGISTRATION, artifacts.PREDICTOR, INDEX):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            system.get(path.as_posix(), str(folder / path), recursive=True)
        with system.open(IMAGES.as_posix(), "rb") as packed:
            np.save(folder / IMAGES, read_rows(packed, find_test_rows(artifacts.read_table(folder / INDEX))))
    except (ValueError, TokenError) as error:  # numpy reads a header with Python's tokenizer
        reason = " ".join(str(error).split())
        raise UserError(f"its {IMAGES} is damaged ({reason}); dvc exp remove it and run this again") from None
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"its outputs are not in DVC's cache ({reason}); see dvc exp list -A, dvc exp remove it and run this again"
        ) from None
    registration = json.loads((folder / artifacts.REGISTRATION).read_text(encoding="utf-8"))
    return ExperimentOutputs(name, folder, registration["results_key"])


def find_test_rows(index: pd.DataFrame) -> np.ndarray:
    """The positions of the first test pictures, at most `MAX_PICTURES`."""
    return np.flatnonzero(index["split"].to_numpy() == "test")[:MAX_PICTURES]


def read_rows(file: IO[bytes], rows: np.ndarray) -> np.ndarray:
    """Some rows of an open .npy file of uint8, without the others."""
    np.lib.format.read_magic(file)
    shape, _, kind = np.lib.format.read_array_header_1_0(file)
    start, length = file.tell(), int(np.prod(shape[1:])) * kind.itemsize
    result = np.empty((len(rows), *shape[1:]), dtype=kind)
    for place, row in enumerate(rows):
        file.seek(start + int(row) * length)
        result[place] = np.frombuffer(file.read(length), dtype=kind).reshape(shape[1:])
    return result
