"""The page that people read: one offline HTML file made from the artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core import files
from pipeline.core.samples import Packed
from pipeline.report import wording
from pipeline.report.checks import check_cards
from pipeline.report.co_occurrence import co_occurrence
from pipeline.report.confidence import histogram, reliability
from pipeline.report.confusion import confusion, is_single, tallies
from pipeline.report.curves import curves
from pipeline.report.data import data
from pipeline.report.headline import headline, of_hundred
from pipeline.report.making import making
from pipeline.report.mistakes import mistakes
from pipeline.report.parts import parts
from pipeline.report.pictures import preview_uri
from pipeline.report.tables import tables

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, eq=False)
class Material:
    """Everything the page shows.

    Attributes:
        params: The choices behind the predictor and the figures.
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
        mistakes: The worst wrong decisions on test.
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
            slices=read_slices(files.SLICES),
            predictions=predictions,
            mistakes=mistakes,
            images={name: np.asarray(packed.images[rows[name]]) for name in mistakes["sample_id"]},
            preview=files.PREVIEW.read_bytes(),
        )


def worst_mistakes(predictions: pd.DataFrame, classes: list[str], num_mistakes: int) -> pd.DataFrame:
    """Wrong decisions on test, the most confident first, with `given` (score of the true labels, lowest of them).

    How confident: the score left for the truth of the label that was missed or wrongly given, the lowest of them.
    """
    test = predictions[predictions["split"] == "test"]
    wrong = test[[list(a) != list(b) for a, b in zip(test["labels"], test["decided"], strict=True)]]
    position = {name: column for column, name in enumerate(classes)}
    given = [
        min((float(scores[position[name]]) for name in labels), default=0.0)
        for labels, scores in zip(wrong["labels"], wrong["scores"], strict=True)
    ]
    left = [
        min(
            [float(scores[position[name]]) for name in labels if name not in decided]
            + [1 - float(scores[position[name]]) for name in decided if name not in labels]
        )
        for labels, decided, scores in zip(wrong["labels"], wrong["decided"], wrong["scores"], strict=True)
    ]
    ranked = wrong.assign(given=given, left=left).sort_values(["left", "sample_id"]).drop(columns="left")
    return ranked.head(num_mistakes).reset_index(drop=True)


def read_slices(path: Path) -> pd.DataFrame:
    """The slices; a slice called NA or None keeps its name, only a figure may be missing."""
    numbers = {name: [""] for name in ("value", "low", "high")}
    return pd.read_csv(path, dtype={"attribute": "str", "slice": "str"}, keep_default_na=False, na_values=numbers)


def render(material: Material) -> str:
    """The page: the same bytes for the same material, with nothing in it that loads from anywhere."""
    return environment().get_template("page.html.jinja").render(content(material)) + "\n"


def environment() -> Environment:
    """Templates of this folder, escaping whatever the data set says."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,  # class names, paths and attributes are whatever the data set says
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "share": wording.share,
        "whole": wording.whole,
        "counted": wording.counted,
        "hundred": of_hundred,
    }
    return made


def content(material: Material) -> dict[str, Any]:
    """What the templates show, section by section."""
    test = material.predictions[material.predictions["split"] == "test"].reset_index(drop=True)
    classes, single = list(material.card["classes"]), is_single(test)
    return {
        "css": Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),  # noqa: S704 (our own file)
        "name": material.card.get("source") or "data set",
        "headline": headline(material.metrics, test, single),
        "num_resamples": material.params["evaluate"]["num_resamples"],
        "data": data(material.manifest, material.quarantine, material.splits),
        "together": co_occurrence(material.manifest),
        "validation": material.validation,
        "checks": check_cards(material.checks),
        "preview": preview_uri(material.preview),
        "preview_classes": preview_classes(material),
        "curves": curves(material.curves),
        "tables": tables(material.metrics, classes),
        "confusion": confusion(test, classes) if single else None,
        "tallies": [] if single else tallies(test, classes, (material.card.get("task") or {}).get("thresholds")),
        "reliability": reliability(test, classes, single) if len(test) else None,
        "histogram": histogram(test, classes) if single else None,
        "slices": parts(material.slices, material.metrics, material.params["evaluate"]["min_slice"]),
        "mistakes": mistakes(material.mistakes, material.images, classes),
        "num_wrong": sum(list(a) != list(b) for a, b in zip(test["labels"], test["decided"], strict=True)),
        "making": making(material.params, material.card),
    }


def preview_classes(material: Material, most: int = 10) -> list[str]:
    """The rows of the preview, top to bottom: the classes of train in alphabetical order, ten at most."""
    train = material.splits.loc[material.splits["split"] == "train", "sample_id"]
    labels = material.manifest.loc[material.manifest["sample_id"].isin(train), "labels"]
    return sorted(labels.explode().dropna().unique())[:most]
