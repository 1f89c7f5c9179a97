"""The model that MLflow serves: encoded samples in, class and scores out. Loaded as code, so nothing is pickled."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PythonModel

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import labels_to_text
from pipeline.core.sample_codec import noun_of
from pipeline.core.zipped_sample import open_encoded
from pipeline.prediction.classifier import PictureClassifier


class RefusedRequest(MlflowException):  # type: ignore[misc]
    """Samples that cannot be read; MLflow's server answers 400 with `serialize_as_json`, without a stack trace.

    Args:
        rows: Position in the request to the reason.
        num_rows: Of the request.
        noun: What a person calls a sample.
    """

    def __init__(self, rows: dict[int, ItemRejected], num_rows: int, noun: str = "picture"):
        self.rows = [{"row": row, "reason": one.reason, "detail": one.detail} for row, one in rows.items()]
        first = next(iter(rows))
        text = f"{len(rows)} of {num_rows} {noun}s cannot be read, the first is row {first}: {rows[first]}"
        super().__init__(f"{text}; leave them out", error_code=BAD_REQUEST)
        self.reason = self.message  # MLflow's server puts the whole input in front of `message`

    def serialize_as_json(self) -> str:
        """`error_code`, `message`, and `refused`: row (from 0), reason and detail of each picture."""
        return json.dumps({"error_code": self.error_code, "message": self.reason, "refused": self.rows})


class PyfuncClassifier(PythonModel):  # type: ignore[misc]
    """Takes a column of encoded samples: `image` (JPEG, PNG, ...), `clip` (MP4, ...) or `volume` (NIfTI, ...).

    Frames of a clip and slices of a series are a zip.
    """

    def load_context(self, context: Any) -> None:
        self.classifier = PictureClassifier.load(Path(context.artifacts["predictor"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Columns `class` (the decided labels, written by `labels_to_text`) and `scores` (a dictionary per class).

        With a policy also `abstains` (bool), where it gives prediction sets `set` (labels, written the same way), and
        where it measures the distance from train `out_of_distribution` (a multiple of its limit) and `reason`.

        Raises:
            RefusedRequest: A sample cannot be read.
            MlflowException: The column is missing, or the model does not look at pictures.
        """
        pictures = self._read(model_input)
        try:
            found = self.classifier.classify(pictures)
        except UserError as error:
            raise MlflowException(str(error), error_code=BAD_REQUEST) from None
        columns: dict[str, Any] = {
            "class": [labels_to_text(labels) for labels in found.labels],
            "scores": [dict(zip(self.classifier.classes, row.tolist(), strict=True)) for row in found.scores],
        }
        if found.abstains is not None:
            columns["abstains"] = found.abstains
        if found.sets is not None:
            columns["set"] = [labels_to_text(labels) for labels in found.sets]
        if found.out_of_distribution is not None:
            columns["out_of_distribution"] = found.out_of_distribution.astype(float)
            columns["reason"] = found.reasons
        return pd.DataFrame(columns)

    def _read(self, table: pd.DataFrame) -> list[np.ndarray]:
        media = self.classifier.codec.media
        if media not in table:
            found = ", ".join(map(str, table))[:200]
            text = f"the model takes a column {media!r} of encoded {noun_of(media)}s, got {found or 'none'}"
            raise MlflowException(text, error_code=BAD_REQUEST)
        pictures: list[np.ndarray] = []
        refused: dict[int, ItemRejected] = {}
        read = self.classifier.read
        for row, data in enumerate(table[media]):
            try:
                pictures.append(read(open_encoded(media, bytes(data))))
            except ItemRejected as error:
                refused[row] = error
        if refused:
            raise RefusedRequest(refused, len(table), noun_of(media))
        return pictures


set_model(PyfuncClassifier())
