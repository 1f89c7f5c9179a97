"""The predictor on val and test: scores, metrics with intervals, slices, and the page that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.core import config, files, stage
from pipeline.core.beyond import beyond_properties, decide_by_properties
from pipeline.core.card import load_predictor
from pipeline.core.choices import refuse_unfit
from pipeline.core.contracts import Metric, Predictor, Task
from pipeline.core.cross_validation import OutOfFold, cross_validate
from pipeline.core.embeddings import Embeddings
from pipeline.core.intervals import FEW_GROUPS, Estimate, samples_needed
from pipeline.core.judging import judge
from pipeline.core.labels import to_lists, to_matrix
from pipeline.core.margin_text import BEYOND, CROSS
from pipeline.core.samples import Packed
from pipeline.core.slices import slices
from pipeline.report.confusion import taken_for
from pipeline.report.page import Material, render


@dataclass(frozen=True, kw_only=True)
class Options:
    """How figures are made and shown.

    Args:
        num_resamples: Bootstrap resamples behind each interval of more than 100 groups, at least 100.
        seed: Of the resamples, and of the cross-validation.
        half_width: Wanted of the 95 % interval of a class's recall; a class with too few samples in test for it gets
            no figures of its own. Above 0 and below 0.5.
        min_slice: Slices with fewer samples are listed without a figure.
        num_mistakes: Worst mistakes shown as pictures.
        cross_validation: Whether frozen features are judged over all groups as well: `auto` where test has fewer than
            20, `always` or `never`.
    """

    num_resamples: int
    seed: int
    half_width: float
    min_slice: int
    num_mistakes: int
    cross_validation: Literal["auto", "always", "never"]

    def __post_init__(self) -> None:
        if self.num_resamples < 100:
            raise ValueError(f"num_resamples must be at least 100, got {self.num_resamples}")
        samples_needed(self.half_width)
        if self.cross_validation not in ("auto", "always", "never"):
            raise ValueError(f"cross_validation must be auto, always or never, got {self.cross_validation!r}")
        if self.min_slice < 1 or self.num_mistakes < 0:
            raise ValueError(
                f"min_slice must be at least 1, num_mistakes at least 0, got {self.min_slice} and {self.num_mistakes}"
            )


def main() -> None:
    params = config.load_params()
    options: Options = config.call(Options, config.section(params, "evaluate"), "evaluate")
    metrics = config.build_each(params, "metric")
    packed = Packed.load()
    predictor, card = load_predictor(files.PREDICTOR)
    refuse_unfit({f"metric.{name}": one for name, one in metrics.items()}, predictor.task.exclusive)
    predictions = predict(predictor, packed)
    parts = {name: predictions[predictions["split"] == name].reset_index(drop=True) for name in ("val", "test")}
    whole = {name: metric for name, metric in metrics.items() if not metric.per_class}
    choose_by = judged(whole, parts["val"], packed.classes, options) if len(parts["val"]) else {}
    test = parts["test"]
    figures = judged(metrics, test, packed.classes, options)
    figures |= above(test, predictor.task, packed, options)
    if options.cross_validation == "always" or (
        options.cross_validation == "auto" and test["group"].nunique() < FEW_GROUPS
    ):
        figures |= over_all_groups(whole, predictor.task, packed.classes, options)
    beside = files.read_table(files.BESIDE)
    if len(beside):
        second = judged(metrics, beside, packed.classes, options)
        figures |= {f"beside/{name}": entry for name, entry in second.items()}
    sliced = slices(test, metrics, packed.classes, options.num_resamples, options.seed, options.min_slice)
    files.write_table(files.PREDICTIONS, predictions, metadata={"classes": packed.classes})
    files.write_json(files.METRICS, as_json(choose_by))
    files.write_json(files.TEST_METRICS, as_json(figures))
    files.write_csv(files.SLICES, sliced)
    files.write_csv(files.CONFUSION, taken_for(test))
    learnt = {
        name: card[name] for name in ("augmentation", "encoder", "imbalance", "mixture", "task", "train", "transform")
    }
    shown = {**learnt, **{name: params[name] for name in ("evaluate", "metric")}}  # what this page is a function of
    files.write_text(files.REPORT, render(Material.gather(shown, packed, options.num_mistakes)))


def as_json(figures: dict[str, Estimate]) -> dict[str, dict[str, Any]]:
    return {name: entry.as_json() for name, entry in figures.items()}


def predict(predictor: Predictor, packed: Packed) -> pd.DataFrame:
    """Scores and decided labels of val and test."""
    rows = packed.index[packed.index["split"].isin(["val", "test"])]
    scores = predictor.predict(packed.images[rows.index.to_numpy()], rows.reset_index(drop=True))
    decided = to_lists(predictor.task.decide(scores), packed.classes)
    return (
        rows.drop(columns=["origin", "content_hash"])
        .assign(scores=list(scores.astype(np.float32)), decided=decided)
        .reset_index(drop=True)
    )


def judged(metrics: dict[str, Metric], test: pd.DataFrame, classes: list[str], options: Options) -> dict[str, Estimate]:
    return judge(
        metrics,
        to_matrix(test["labels"].tolist(), classes),
        to_matrix(test["decided"].tolist(), classes).astype(bool),
        np.stack(test["scores"].to_numpy()),
        test["group"].to_numpy(dtype=str),
        classes,
        options.num_resamples,
        options.seed,
        samples_needed(options.half_width),
    )


def above(test: pd.DataFrame, task: Task, packed: Packed, options: Options) -> dict[str, Estimate]:
    """How far the decisions on test are above those of a forest on the properties that learnt from the same train."""
    train = packed.index[packed.index["split"] == "train"]
    by_properties = decide_by_properties(
        train, task.targets(train["labels"].tolist(), packed.classes), test, task.exclusive, options.seed
    )
    return {
        BEYOND: beyond_properties(
            to_matrix(test["labels"].tolist(), packed.classes),
            to_matrix(test["decided"].tolist(), packed.classes).astype(bool),
            by_properties,
            test["group"].to_numpy(dtype=str),
            task.exclusive,
            options.num_resamples,
            options.seed,
        )
    }


def over_all_groups(
    metrics: dict[str, Metric], task: Task, classes: list[str], options: Options
) -> dict[str, Estimate]:
    """What frozen features reach out of fold, over the groups of all splits, and beyond the properties."""
    samples = (
        files.read_table(files.MANIFEST).drop(columns=["group"]).merge(files.read_table(files.SPLITS), on="sample_id")
    )
    samples = samples[samples["split"].isin(["train", "val", "test"])].reset_index(drop=True)
    features = Embeddings.load().of(samples["sample_id"])
    targets = task.targets(samples["labels"].tolist(), classes)
    found = cross_validate(samples, features, targets, task.exclusive, options.seed)
    if found is None:
        return {}
    decisive = {
        name: metric for name, metric in metrics.items() if not metric.by_scores
    }  # folds' scores do not compare
    return {f"{CROSS}{name}": entry for name, entry in cross_figures(found, decisive, task, classes, options).items()}


def cross_figures(
    found: OutOfFold, metrics: dict[str, Metric], task: Task, classes: list[str], options: Options
) -> dict[str, Estimate]:
    scores = found.by_features.astype(np.float64)
    figures = judge(
        metrics, found.targets, found.by_features, scores, found.groups, classes, options.num_resamples, options.seed
    )
    return figures | {
        BEYOND: beyond_properties(
            found.targets,
            found.by_features,
            found.by_properties,
            found.groups,
            task.exclusive,
            options.num_resamples,
            options.seed,
        )
    }


if __name__ == "__main__":
    stage.run("evaluate", main)
