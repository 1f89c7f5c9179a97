"""The report page: one offline HTML file, made from the artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate, read_estimates
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.predictions import Predictions
from pipeline.core.results import StoredFinding, read_findings
from pipeline.core.sample_codec import noun_of
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.counterfactual_results import Counterfactuals
from pipeline.evaluation.explanation_results import Explanations, read_explanations
from pipeline.evaluation.mistake_order import order_mistakes
from pipeline.features.training_neighbours import Neighbour, training_neighbours
from pipeline.media.choice import media_of_card
from pipeline.media.reader import SampleReader
from pipeline.media.thumbnails import load_thumbnails
from pipeline.report.balance import balances
from pipeline.report.checks import checks_section, linked_samples
from pipeline.report.co_occurrence import co_occurrence
from pipeline.report.confidence import histogram
from pipeline.report.confusion import confusion, is_single, tallies
from pipeline.report.curves import curves
from pipeline.report.data import data
from pipeline.report.decisions import decisions
from pipeline.report.explanations import explanations
from pipeline.report.headline import headline
from pipeline.report.imbalance import imbalance
from pipeline.report.interventions import interventions, read_counterfactuals
from pipeline.report.labelling import labelling
from pipeline.report.learning_curve import learning_curve
from pipeline.report.metric_tables import tables
from pipeline.report.mistakes import NEIGHBOUR_SIDE, least_confident_hits, mistakes
from pipeline.report.next_steps import Results, next_steps
from pipeline.report.pictures import link_files, preview_uri, side_of
from pipeline.report.pretraining import pretraining
from pipeline.report.provenance import model_facts, provenance
from pipeline.report.rendering import page
from pipeline.report.robustness import robustness
from pipeline.report.slices import list_examples, parts
from pipeline.report.test_uses import UseNote, read_evaluation_note
from pipeline.report.time_use import time_use
from pipeline.statistics.bootstrap import wilson_sample_size

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params


@dataclass(frozen=True, eq=False)
class Material:
    """The content of the page.

    Attributes:
        params: The parameters behind the predictor and the figures.
        card: Of the predictor.
        manifest: Samples.
        quarantine: Refused items.
        splits: Assignment.
        labelling: `reports/labelling.json`.
        validation: `reports/validation.json`.
        checks: `reports/checks.json`.
        curation: `reports/curation.json`.
        pretraining: `reports/pretrain.csv`.
        curves: `reports/train.csv`.
        imbalance: `reports/imbalance.csv`.
        metrics: `reports/test_metrics.json`.
        lower_is_better: Metrics that count mistakes.
        slices: `reports/slices.csv`.
        robustness: `reports/robustness.csv`.
        robustness_metrics: `reports/robustness.json`.
        decisions: `reports/policy_figures.json`.
        counterfactuals: `reports/interventions.json` and its pictures.
        explanations: `reports/explanations.json` and its maps.
        predictions: Of val and test.
        mistakes: The worst wrong decisions on test.
        hits: The least confident right decisions on test.
        neighbours: sample_id of a mistake to the pictures of train that resemble it most.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8 of the worst mistakes, their neighbours, the hits,
            the mistakes of weak slices, and the pictures that the checks show: the whole picture, or as the model saw
            it where it cannot be read.
        links: sample_id to the address of its file, as far as there is one.
        num_suspects: Rows of `reports/label_suspects.csv`.
        model_bytes: Size of the files of the predictor.
        preview: PNG bytes of the augmentation sheet.
        readings: How often test was read until this evaluation.
    """

    params: Params
    card: JsonObject
    manifest: pd.DataFrame
    quarantine: pd.DataFrame
    splits: pd.DataFrame
    labelling: JsonObject
    validation: JsonObject
    checks: dict[str, StoredFinding]
    curation: dict[str, StoredFinding]
    pretraining: pd.DataFrame
    curves: pd.DataFrame
    imbalance: pd.DataFrame
    metrics: dict[str, Estimate]
    lower_is_better: frozenset[str]
    slices: pd.DataFrame
    robustness: pd.DataFrame
    robustness_metrics: dict[str, Estimate]
    decisions: JsonObject
    counterfactuals: Counterfactuals
    explanations: Explanations
    predictions: pd.DataFrame
    mistakes: pd.DataFrame
    hits: pd.DataFrame
    neighbours: dict[str, list[Neighbour]]
    images: dict[str, np.ndarray]
    links: dict[str, str]
    num_suspects: int
    model_bytes: int
    preview: bytes
    readings: UseNote

    @property
    def media(self) -> str:
        """What a sample is: image, clip or volume."""
        return media_of_card(self.card.get("packing") or {})

    @classmethod
    def gather(
        cls, params: Params, metrics: dict[str, Metric], packed: PackedDataset, num_mistakes: int, reader: SampleReader
    ) -> Material:
        predictions, manifest = map(artifacts.read_table, (artifacts.PREDICTIONS, artifacts.MANIFEST))
        mistakes = worst_mistakes(predictions, packed.classes, num_mistakes)
        checks, curation = read_findings(artifacts.CHECKS), read_findings(artifacts.CURATION)
        troubled = {name: one for name, one in (checks | curation).items() if not one.passed}
        test = predictions[predictions["split"] == "test"]
        hits = least_confident_hits(
            test, packed.classes, num_mistakes // 2, is_single(Predictions.of(test, packed.classes))
        )
        slices = read_slices(artifacts.SLICES)
        shown = list(
            dict.fromkeys(
                [*mistakes["sample_id"], *hits["sample_id"], *linked_samples(troubled), *list_examples(slices)]
            )
        )
        splits = artifacts.read_table(artifacts.SPLITS)
        neighbours = training_neighbours(mistakes["sample_id"].tolist(), manifest, splits)
        near = {one.sample_id for found in neighbours.values() for one in found} - set(shown)
        return cls(
            params=params,
            card=artifacts.read_json(artifacts.PREDICTOR / "card.json"),
            manifest=manifest,
            quarantine=artifacts.read_table(artifacts.QUARANTINE),
            splits=splits,
            labelling=artifacts.read_json(artifacts.LABELLING),
            validation=artifacts.read_json(artifacts.VALIDATION),
            checks=checks,
            curation=curation,
            pretraining=pd.read_csv(artifacts.PRETRAIN_CURVES),
            curves=pd.read_csv(artifacts.TRAIN_CURVES),
            imbalance=pd.read_csv(artifacts.IMBALANCE, keep_default_na=False, na_values=[""]),
            metrics=read_estimates(artifacts.TEST_METRICS),
            lower_is_better=frozenset(name for name, one in metrics.items() if not one.larger_is_better),
            slices=slices,
            robustness=pd.read_csv(artifacts.ROBUSTNESS),
            robustness_metrics=read_estimates(artifacts.ROBUSTNESS_METRICS),
            decisions=artifacts.read_json(artifacts.POLICY_FIGURES),
            counterfactuals=read_counterfactuals(),
            explanations=read_explanations(),
            predictions=predictions,
            mistakes=mistakes,
            hits=hits,
            neighbours=neighbours,
            images=as_packed(packed, shown)
            | load_thumbnails(reader, manifest, sorted(near), NEIGHBOUR_SIDE)
            | load_thumbnails(reader, manifest, shown, side_of(len(shown))),
            links=link_files(reader.source, manifest, [*shown, *sorted(near)]),
            num_suspects=len(pd.read_csv(artifacts.SUSPECTS, usecols=["sample_id"], dtype=str)),
            model_bytes=sum(path.stat().st_size for path in artifacts.PREDICTOR.rglob("*") if path.is_file()),
            preview=artifacts.PREVIEW.read_bytes(),
            readings=read_evaluation_note(noun=noun_of(reader.codec.media)),
        )


def as_packed(packed: PackedDataset, names: list[str]) -> dict[str, np.ndarray]:
    """sample_id to the picture as the model saw it, of those that are in a split."""
    rows = packed.index.reset_index().set_index("sample_id")["index"]
    return {name: packed.picture(rows[name]) for name in names if name in rows}


def worst_mistakes(predictions: pd.DataFrame, classes: list[str], num_mistakes: int) -> pd.DataFrame:
    """The wrong decisions of `order_mistakes` on test, with `given`, the lowest score of the true labels, else 0."""
    test = predictions[predictions["split"] == "test"]
    of_test = Predictions.of(test, classes)
    order = order_mistakes(of_test)[:num_mistakes]
    actual, scores = of_test.targets[order] > 0, of_test.scores[order].astype(float)
    given = np.where(actual, scores, np.inf).min(axis=1, initial=np.inf)
    return test.iloc[order].assign(given=np.where(actual.any(axis=1), given, 0.0)).reset_index(drop=True)


def read_slices(path: Path) -> pd.DataFrame:
    """The slices; only figures may be missing, and a slice named NA or None keeps its name."""
    numbers = {name: [""] for name in ("value", "low", "high", "rest", "p", "found_from")}
    texts = dict.fromkeys(("attribute", "slice", "caveat", "verdict", "repeats", "mistakes"), "str")
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=numbers)


def render(material: Material) -> str:
    """The page; the same bytes for the same material, and it loads nothing from anywhere."""
    return page("page.html.jinja", content(material), script="tables.js", media=material.media)


def content(material: Material) -> dict[str, object]:
    """The variables of the templates, section by section."""
    test = material.predictions[material.predictions["split"] == "test"].reset_index(drop=True)
    lower_is_better, classes = material.lower_is_better, list(material.card["classes"])
    of_test = Predictions.of(test, classes)
    single = is_single(of_test)
    top = headline(material.metrics, lower_is_better, test, single)
    needed = wilson_sample_size(material.params["evaluate"]["half_width"])
    predicted = dict(zip(classes, of_test.decided.sum(axis=0).tolist(), strict=True))
    per_class = tables(material.metrics, classes, needed, lower_is_better, predicted)
    matrix = confusion(of_test) if single else None
    sections = [
        checks_section("check", material.checks, material.images, material.links),
        checks_section("curate", material.curation, material.images, material.links),
    ]
    results = Results(
        cards=[(f"#{one.prefix}{card.anchor}", card) for one in sections for card in one.cards],
        headline=top,
        tables=per_class,
        metrics=material.metrics,
        num_suspects=material.num_suspects,
        mixup=next(iter(matrix.mixups), None) if matrix else None,
        noun=noun_of(material.media),
    )
    return {
        "name": material.card.get("source") or "data set",
        "facts": model_facts(material.card, len(material.curves), material.model_bytes),
        "headline": top,
        "readings": material.readings,
        "num_resamples": material.params["evaluate"]["num_resamples"],
        "data": data(material.manifest, material.quarantine, material.splits),
        "balance": balances(material.manifest, material.splits),
        "co_occurrence": co_occurrence(material.manifest),
        "labelling": labelling(material.labelling),
        "validation": material.validation,
        "sections": sections,
        "preview": preview_uri(material.preview),
        "preview_classes": preview_classes(material),
        "pretraining": pretraining(material.card, material.pretraining),
        "curves": curves(material.curves),
        "learning_curve": learning_curve(material.metrics),
        "imbalance": imbalance(material.imbalance),
        "tables": per_class,
        "confusion": matrix,
        "tallies": [] if single else tallies(of_test, thresholds_of(material)),
        "decisions": decisions(material.decisions, material.checks.get("class_drift")),
        "histogram": histogram(of_test, material.decisions["policy"]["rule"]) if single and len(test) else None,
        "slices": parts(
            material.slices,
            material.metrics,
            material.params["evaluate"]["min_slice"],
            lower_is_better,
            (material.images, material.links),
        ),
        "time_use": time_use(material.metrics),
        "robustness": robustness(material.robustness, material.robustness_metrics, len(test)),
        "interventions": interventions(material.counterfactuals),
        "explanations": explanations(material.explanations),
        "mistakes": mistakes(material.mistakes, material.images, classes, material.links, material.neighbours),
        "hits": mistakes(material.hits, material.images, classes, material.links),
        "num_wrong": int((~of_test.is_right).sum()),
        "next_steps": next_steps(results),
        "making": provenance(material.params, material.card),
    }


def thresholds_of(material: Material) -> list[float] | None:
    """The thresholds of several labels that decided: those of the aim, else those of the task, or None."""
    chosen = material.decisions["policy"]["rule"]["thresholds"]
    if chosen is not None:
        return [0.5 if one is None else one for one in chosen]
    return (material.card.get("task") or {}).get("thresholds")


def preview_classes(material: Material, most: int = 10) -> list[str]:
    """The rows of the preview from top to bottom: the first `most` classes of train in alphabetical order."""
    train = material.splits.loc[material.splits["split"] == "train", "sample_id"]
    labels = material.manifest.loc[material.manifest["sample_id"].isin(train), "labels"]
    return sorted(labels.explode().dropna().unique())[:most]
