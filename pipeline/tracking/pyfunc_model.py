"""The model that MLflow serves: encoded pictures in, class and scores out. Loaded as code, so nothing is pickled."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from pipeline.core.labels import labels_to_text, to_lists
from pipeline.images.decoding import Decoding, decode
from pipeline.images.storage import SquareFormat
from pipeline.training.model_card import load_predictor


class PyfuncClassifier(PythonModel):  # type: ignore[misc]
    """Takes a column `image` of encoded pictures (JPEG, PNG, ...)."""

    def load_context(self, context: Any) -> None:
        self.predictor, self.card = load_predictor(Path(context.artifacts["predictor"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Columns `class` (the decided labels, written by `labels_to_text`) and `scores` (a dictionary per class)."""
        packing, classes = self.card["packing"], self.card["classes"]
        decoding, storage = Decoding.of_card(packing), SquareFormat.of_card(packing)
        images = [storage.convert(decode(bytes(data), decoding)) for data in model_input["image"]]
        scores = self.predictor.predict(np.stack(images) if images else np.zeros((0, *storage.shape), dtype=np.uint8))
        decided = self.predictor.task.decide(scores)
        return pd.DataFrame(
            {
                "class": [labels_to_text(labels) for labels in to_lists(decided, classes)],
                "scores": [dict(zip(classes, row.tolist(), strict=True)) for row in scores],
            }
        )


set_model(PyfuncClassifier())
