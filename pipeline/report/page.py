"""The page that people read: one offline HTML file made from the artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.datasets.packed import PackedDataset
from pipeline.report.balance import balances
from pipeline.report.checks import checks_section, linked_samples
from pipeline.report.co_occurrence import co_occurrence
from pipeline.report.confidence import histogram, reliability
from pipeline.report.confusion import confusion, is_single, tallies
from pipeline.report.curves import curves
from pipeline.report.data import data
from pipeline.report.headline import headline
from pipeline.report.imbalance import imbalance
from pipeline.report.metric_tables import tables
from pipeline.report.mistakes import mistakes
from pipeline.report.pictures import preview_uri
from pipeline.report.provenance import provenance
from pipeline.report.rendering import page
from pipeline.report.slices import parts
from pipeline.statistics.bootstrap import wilson_sample_size


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
        curation: `reports/curation.json`.
        curves: `reports/train.csv`.
        imbalance: `reports/imbalance.csv`.
        metrics: `reports/test_metrics.json`.
        slices: `reports/slices.csv`.
        predictions: Of val and test.
        mistakes: The worst wrong decisions on test.
        images: sample_id to (H, W, C) uint8 of the worst mistakes and of what the checks point at.
        preview: PNG bytes of the augmentation sheet.
    """

    params: dict[str, Any]
    card: dict[str, Any]
    manifest: pd.DataFrame
    quarantine: pd.DataFrame
    splits: pd.DataFrame
    validation: dict[str, Any]
    checks: dict[str, Any]
    curation: dict[str, Any]
    curves: pd.DataFrame
    imbalance: pd.DataFrame
    metrics: dict[str, Any]
    slices: pd.DataFrame
    predictions: pd.DataFrame
    mistakes: pd.DataFrame
    images: dict[str, np.ndarray]
    preview: bytes

    @classmethod
    def gather(cls, params: dict[str, Any], packed: PackedDataset, num_mistakes: int) -> Material:
        predictions = artifacts.read_table(artifacts.PREDICTIONS)
        mistakes = worst_mistakes(predictions, packed.classes, num_mistakes)
        checks, curation = artifacts.read_json(artifacts.CHECKS), artifacts.read_json(artifacts.CURATION)
        shown = [*mistakes["sample_id"], *linked_samples(checks), *linked_samples(curation)]
        rows = packed.index.reset_index().set_index("sample_id")["index"]
        return cls(
            params=params,
            card=artifacts.read_json(artifacts.PREDICTOR / "card.json"),
            manifest=artifacts.read_table(artifacts.MANIFEST),
            quarantine=artifacts.read_table(artifacts.QUARANTINE),
            splits=artifacts.read_table(artifacts.SPLITS),
            validation=artifacts.read_json(artifacts.VALIDATION),
            checks=checks,
            curation=curation,
            curves=pd.read_csv(artifacts.TRAIN_CURVES),
            imbalance=pd.read_csv(artifacts.IMBALANCE, keep_default_na=False, na_values=[""]),
            metrics=artifacts.read_json(artifacts.TEST_METRICS),
            slices=read_slices(artifacts.SLICES),
            predictions=predictions,
            mistakes=mistakes,
            images={name: packed.picture(rows[name]) for name in shown if name in rows},
            preview=artifacts.PREVIEW.read_bytes(),
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
    texts = dict.fromkeys(("attribute", "slice", "caveat"), "str")
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=numbers)


def render(material: Material) -> str:
    """The page: the same bytes for the same material, with nothing in it that loads from anywhere."""
    return page("page.html.jinja", content(material))


def content(material: Material) -> dict[str, Any]:
    """What the templates show, section by section."""
    test = material.predictions[material.predictions["split"] == "test"].reset_index(drop=True)
    classes, single = list(material.card["classes"]), is_single(test)
    sections = [
        checks_section("check", material.checks, material.images),
        checks_section("curate", material.curation, material.images),
    ]
    return {
        "name": material.card.get("source") or "data set",
        "headline": headline(material.metrics, test, single),
        "num_resamples": material.params["evaluate"]["num_resamples"],
        "data": data(material.manifest, material.quarantine, material.splits),
        "balance": balances(material.manifest, material.splits),
        "together": co_occurrence(material.manifest),
        "validation": material.validation,
        "sections": sections,
        "preview": preview_uri(material.preview),
        "preview_classes": preview_classes(material),
        "curves": curves(material.curves),
        "imbalance": imbalance(material.imbalance),
        "tables": tables(material.metrics, classes, wilson_sample_size(material.params["evaluate"]["half_width"])),
        "confusion": confusion(test, classes) if single else None,
        "tallies": [] if single else tallies(test, classes, (material.card.get("task") or {}).get("thresholds")),
        "reliability": reliability(test, classes, single) if len(test) else None,
        "histogram": histogram(test, classes) if single else None,
        "slices": parts(material.slices, material.metrics, material.params["evaluate"]["min_slice"]),
        "mistakes": mistakes(material.mistakes, material.images, classes),
        "num_wrong": sum(list(a) != list(b) for a, b in zip(test["labels"], test["decided"], strict=True)),
        "making": provenance(material.params, material.card),
    }


def preview_classes(material: Material, most: int = 10) -> list[str]:
    """The rows of the preview, top to bottom: the classes of train in alphabetical order, ten at most."""
    train = material.splits.loc[material.splits["split"] == "train", "sample_id"]
    labels = material.manifest.loc[material.manifest["sample_id"].isin(train), "labels"]
    return sorted(labels.explode().dropna().unique())[:most]
