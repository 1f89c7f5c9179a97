"""What a registered model decides on samples of the manifest, read as `colibri predict` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix
from pipeline.core.parallel import parallel_map
from pipeline.core.policy import OUT_OF_DISTRIBUTION, confidence_of
from pipeline.labelling.automatic.val_predictions import PLACE
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.tables import BATCH, PREDICT
from pipeline.tracking.model_choice import CARD, CHAMPION, RegisteredVersion, find_version, open_files

if TYPE_CHECKING:
    from pipeline.media.reader import SampleReader

PROBES = 16  # samples of val whose scores are computed again
TOLERANCE = 0.02  # of a score, for other batches and another runtime


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredSamples:
    """Decisions on N samples.

    Attributes:
        labels: Of each, sorted.
        scores: (N, K) calibrated.
        confidence: (N,) of the decision, 0 to 1: the top score where each sample has one label.
        is_far: (N,) bool, whether the policy abstains since the sample is far from those of train.
    """

    labels: list[list[str]]
    scores: np.ndarray
    confidence: np.ndarray
    is_far: np.ndarray

    @property
    def is_fit(self) -> np.ndarray:
        """(N,) bool, whether there is a label that could be written."""
        return ~self.is_far & np.array([len(one) > 0 for one in self.labels], dtype=bool)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RegisteredClassifier:
    """A registered version with its files.

    Attributes:
        classifier: That decides.
        version: In the registry.
    """

    classifier: PictureClassifier
    version: RegisteredVersion

    @property
    def name(self) -> str:
        """As decisions name who made them."""
        return f"{self.version.name}@{self.version.version}"

    def score(self, rows: pd.DataFrame, reader: SampleReader) -> ScoredSamples:
        """What it decides on rows of the manifest, a batch of samples in memory at a time.

        Raises:
            UserError: A sample has changed since ingest, or the model does not look at pictures.
        """
        read = partial(reader.load_stored, storage=self.classifier.storage)
        samples = parallel_map(read, zip(rows["path"], rows["content_hash"], strict=True), len(rows), PREDICT)
        labels: list[list[str]] = []
        scores, far = [np.zeros((0, len(self.classifier.classes)))], [np.zeros(0, dtype=bool)]
        while batch := list(islice(samples, BATCH)):
            answers = self.classifier.classify(batch)
            labels += [sorted(one) for one in answers.labels]
            scores.append(answers.scores)
            reasons = np.full(len(batch), "") if answers.reasons is None else answers.reasons
            far.append(np.asarray(reasons == OUT_OF_DISTRIBUTION, dtype=bool))
        return self._make_scored(labels, np.concatenate(scores), np.concatenate(far))

    def read_stored(self, predictions: pd.DataFrame) -> ScoredSamples:
        """What it decided on rows of `data/predictions.parquet`."""
        policy, far = self.classifier.policy, "out_of_distribution"
        abstains = policy is not None and policy.out_of_distribution is not None and policy.out_of_distribution.abstains
        is_far = (predictions[far] > 1).to_numpy() if abstains and far in predictions else np.zeros(len(predictions))
        labels = [sorted(one) for one in predictions["decided"]]
        scores = np.stack(predictions["scores"].tolist()) if len(predictions) else np.zeros((0, 1))
        return self._make_scored(labels, scores, is_far.astype(bool))

    def refuse_other_predictions(self, val: pd.DataFrame, samples: pd.DataFrame, reader: SampleReader) -> None:
        """Computes the scores of a few samples of val again.

        Args:
            val: Rows of `data/predictions.parquet`.
            samples: The rows of the manifest of the same samples, in the same order.
            reader: Of the samples.

        Raises:
            UserError: The stored scores are not those of this model.
        """
        rows = np.unique(np.linspace(0, len(val) - 1, min(PROBES, len(val))).astype(int))
        again = self.score(samples.iloc[rows], reader).scores
        before = np.stack(val["scores"].iloc[rows].tolist())
        if before.shape != again.shape or float(np.abs(before - again).max()) > TOLERANCE:
            raise UserError(
                f"the scores in {PLACE} are not those of {self.name}: its policy or its runtime is "
                "another; run colibri run, which evaluates and registers the model of today"
            )

    def _make_scored(self, labels: list[list[str]], scores: np.ndarray, is_far: np.ndarray) -> ScoredSamples:
        decided = to_matrix(labels, self.classifier.classes).astype(bool)
        confidence = confidence_of(scores, decided, self.classifier.exclusive).astype(np.float64)
        return ScoredSamples(labels=labels, scores=scores, confidence=confidence, is_far=is_far)


def load_registered(model: str) -> RegisteredClassifier:
    """The classifier of a registered version that was trained in the last run.

    Args:
        model: `champion`, `NAME@VERSION`, or as for `find_version`.

    Raises:
        UserError: There is no such version, it is not of the last run, or it gives clusters instead of labels.
    """
    version = find_version(_reference(model))
    with open_files(version) as folder:
        found = RegisteredClassifier(classifier=PictureClassifier.load(folder), version=version)
    if not found.classifier.predictor.task.supervised:
        raise UserError(
            f"{version} finds clusters and gives no label; train a task with labels, such as task=single_label"
        )
    last = artifacts.PREDICTOR / CARD
    key = artifacts.read_json(last).get("training_key") if last.is_file() else None
    if found.classifier.card.get("training_key") != key:
        raise UserError(
            f"{version} is not the model of the last run, whose scores on val are in {PLACE}; name the "
            "version of the last run with --model NAME@VERSION (colibri summary names it), or make it champion with "
            "colibri promote VERSION --reason TEXT"
        )
    return found


def _reference(model: str) -> str:
    """The text as `find_version` takes it.

    Raises:
        UserError: It names a folder: only a registered version can be named in a decision for ever.
    """
    if (artifacts.PREDICTOR.parent / model).is_dir() or (artifacts.PREDICTOR.parents[1] / model / CARD).is_file():
        raise UserError(
            f"{model} is no registered version, so no line could say who labelled; run dvc repro register, then name "
            "NAME@VERSION or champion"
        )
    if model == CHAMPION:
        return f"@{CHAMPION}"
    name, _, version = model.rpartition("@")
    return f"{name}/{version}" if name and version.isdecimal() else model
