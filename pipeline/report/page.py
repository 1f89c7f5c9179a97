"""stand-in"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import files
from pipeline.core.samples import Packed


@dataclass(frozen=True, eq=False)
class Material:
    """Everything the page shows.

    Attributes:
        params: All parameters.
        card: Of the predictor.
        manifest: Samples.
        quarantine: Refused items.
        splits: Assignment.
        validation: `reports/validation.json`.
        checks: `reports/checks.json`.
        curves: `reports/train.csv`.
        metrics: `reports/metrics.json`.
        slices: `reports/slices.csv`.
        predictions: Of val and test.
        images: sample_id to (H, W, C) uint8 of the worst mistakes.
        preview: PNG bytes of the augmentation sheet.
    """

    params: dict[str, Any]
    card: dict[str, Any]
    manifest: pd.DataFrame
    quarantine: pd.DataFrame
    splits: pd.DataFrame
    validation: dict[str, Any]
    checks: dict[str, Any]
    curves: pd.DataFrame
    metrics: dict[str, Any]
    slices: pd.DataFrame
    predictions: pd.DataFrame
    mistakes: pd.DataFrame
    images: dict[str, np.ndarray]
    preview: bytes

    @classmethod
    def gather(cls, params: dict[str, Any], packed: Packed, num_mistakes: int) -> Material:
        predictions = files.read_table(files.PREDICTIONS)
        mistakes = worst_mistakes(predictions, packed.classes, num_mistakes)
        rows = packed.index.reset_index().set_index("sample_id")["index"]
        return cls(
            params=params,
            card=files.read_json(files.PREDICTOR / "card.json"),
            manifest=files.read_table(files.MANIFEST),
            quarantine=files.read_table(files.QUARANTINE),
            splits=files.read_table(files.SPLITS),
            validation=files.read_json(files.VALIDATION),
            checks=files.read_json(files.CHECKS),
            curves=pd.read_csv(files.TRAIN_CURVES),
            metrics=files.read_json(files.METRICS),
            slices=pd.read_csv(files.SLICES),
            predictions=predictions,
            mistakes=mistakes,
            images={name: np.asarray(packed.images[rows[name]]) for name in mistakes["sample_id"]},
            preview=files.PREVIEW.read_bytes(),
        )


def worst_mistakes(predictions: pd.DataFrame, classes: list[str], num_mistakes: int) -> pd.DataFrame:
    """Wrong decisions on test, the most confident first, with `given` (score of the true labels, lowest of them)."""
    test = predictions[predictions["split"] == "test"]
    wrong = test[[list(a) != list(b) for a, b in zip(test["labels"], test["decided"], strict=True)]]
    position = {name: column for column, name in enumerate(classes)}
    given = [
        min((float(scores[position[name]]) for name in labels), default=0.0)
        for labels, scores in zip(wrong["labels"], wrong["scores"], strict=True)
    ]
    return wrong.assign(given=given).sort_values(["given", "sample_id"]).head(num_mistakes).reset_index(drop=True)


def render(material: Material) -> str:
    """The page."""
    return f"<!doctype html><title>{len(material.manifest)}</title>"
