"""The predictor on val and test: scores, metrics with intervals, slices, and the page that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import config, files, stage
from pipeline.core.beyond import beyond_nuisances
from pipeline.core.card import load_predictor
from pipeline.core.contracts import Metric, Predictor
from pipeline.core.intervals import samples_needed
from pipeline.core.judging import judge
from pipeline.core.labels import to_lists, to_matrix
from pipeline.core.samples import Packed
from pipeline.core.slices import slices
from pipeline.report.confusion import taken_for
from pipeline.report.page import Material, render


@dataclass(frozen=True, kw_only=True)
class Options:
    """How figures are made and shown.

    Args:
        num_resamples: Bootstrap resamples behind each interval, at least 100.
        seed: Of the resamples.
        half_width: Wanted of the 95 % interval of a class's recall; a class with too few samples in test for it gets
            no figures of its own. Above 0 and below 0.5.
        min_slice: Slices with fewer samples are listed without a figure.
        num_mistakes: Worst mistakes shown as pictures.
    """

    num_resamples: int
    seed: int
    half_width: float
    min_slice: int
    num_mistakes: int

    def __post_init__(self) -> None:
        if self.num_resamples < 100:
            raise ValueError(f"num_resamples must be at least 100, got {self.num_resamples}")
        samples_needed(self.half_width)
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
    predictions = predict(predictor, packed)
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    figures = judged(metrics, test, packed.classes, options)
    figures |= above(test, packed.classes, options)
    beside = files.read_table(files.BESIDE)
    if len(beside):
        second = judged(metrics, beside, packed.classes, options)
        figures |= {f"beside/{name}": entry for name, entry in second.items()}
    parts = slices(test, metrics, packed.classes, options.num_resamples, options.seed, options.min_slice)
    files.write_table(files.PREDICTIONS, predictions, metadata={"classes": packed.classes})
    files.write_json(files.METRICS, figures)
    files.write_csv(files.SLICES, parts)
    files.write_csv(files.CONFUSION, taken_for(test))
    learnt = {
        name: card[name] for name in ("augmentation", "encoder", "imbalance", "mixture", "task", "train", "transform")
    }
    shown = {**learnt, **{name: params[name] for name in ("evaluate", "metric")}}  # what this page is a function of
    files.write_text(files.REPORT, render(Material.gather(shown, packed, options.num_mistakes)))


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


def judged(
    metrics: dict[str, Metric], test: pd.DataFrame, classes: list[str], options: Options
) -> dict[str, dict[str, Any]]:
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


def above(test: pd.DataFrame, classes: list[str], options: Options) -> dict[str, dict[str, Any]]:
    """How far the decisions on test are above what all nuisances together reach."""
    return beyond_nuisances(
        files.read_json(files.CHECKS),
        to_matrix(test["labels"].tolist(), classes),
        to_matrix(test["decided"].tolist(), classes).astype(bool),
        test["group"].to_numpy(dtype=str),
        options.num_resamples,
        options.seed,
    )


if __name__ == "__main__":
    stage.run("evaluate", main)
