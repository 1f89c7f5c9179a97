"""Figures of one split: metrics with intervals, the margin over the properties, and out-of-fold figures of features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pipeline.core import artifacts, config
from pipeline.core.contracts import Predictor, Task
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.feature_reference import FeatureReference, predict_with_distances
from pipeline.core.labels import to_lists
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.policy import Policy
from pipeline.core.predictions import Predictions
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.baseline_margin import decide_by_properties, margin_over_properties
from pipeline.evaluation.cross_validation import OutOfFold, cross_validate
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.learning_curve import curve_estimates
from pipeline.evaluation.margin_text import BEYOND, CROSS, PROPERTIES
from pipeline.features.store import Embeddings
from pipeline.images.feedback_pictures import is_feedback
from pipeline.statistics.bootstrap import Bootstrap, wilson_sample_size

if TYPE_CHECKING:
    from pipeline.core.open_types import Params


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the evaluation.

    Args:
        num_resamples: Bootstrap resamples behind each interval of more than 100 groups, at least 100.
        seed: Seed of the resamples and of the cross-validation.
        half_width: Wanted half-width of the 95 % interval of a class's recall, above 0 and below 0.5. The figures of a
            class with too few test samples for it are marked `few`.
        min_slice: Slices with fewer samples are listed without a figure.
        max_slices: Most slices with a figure; of more, pairs of two properties and small ones are left out first.
        num_mistakes: Worst mistakes shown as pictures.
        cross_validation: Whether frozen features are also cross-validated over all groups (at most 10,000 samples):
            `always`, `auto` (where test has fewer than 20 groups) or `never`.
    """

    num_resamples: Annotated[int, Ge(100)]
    seed: Seed
    half_width: Annotated[float, Interval(gt=0, lt=0.5)]
    min_slice: PositiveInt
    max_slices: PositiveInt
    num_mistakes: Annotated[int, Ge(0)]
    cross_validation: Literal["auto", "always", "never"]

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(num_resamples=self.num_resamples, seed=self.seed)

    @classmethod
    def of(cls, params: Params) -> Options:
        """The options in the section `evaluate` of params.yaml.

        Raises:
            UserError: A value is invalid.
        """
        options: Options = config.instantiate(cls, config.get_section(params, "evaluate"), "evaluate")
        return options


def score_samples(
    predictor: Predictor, packed: PackedDataset, rows: pd.DataFrame, reference: FeatureReference | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """(N, K) scores, and (N,) distances if any, of some rows of the index of the packed arrays."""
    of_rows = predictor.with_metadata(rows.reset_index(drop=True))
    return predict_with_distances(of_rows, packed.images[rows.index.to_numpy()], reference)


def predict_splits(
    predictor: Predictor, packed: PackedDataset, policy: Policy, reference: FeatureReference | None = None
) -> pd.DataFrame:
    """Decisions of the policy on val and test: `scores` (calibrated), `decided`, `abstains`; `prediction_set`, if any.

    `raw_scores` are those before calibration; `out_of_distribution` is there where the policy measures distances.
    """
    rows = packed.index[packed.index["split"].isin(["val", "test"])]
    raw, distances = score_samples(predictor, packed, rows, reference)
    found = policy.decide(raw, predictor.task, distances)
    classes = predictor.task.outcomes(packed.classes)
    table = rows.drop(columns=["origin", "content_hash"]).assign(
        scores=list(found.scores),
        decided=to_lists(found.decided, classes),
        raw_scores=list(raw.astype(np.float32)),
        abstains=found.abstains,
    )
    if found.sets is not None:
        table["prediction_set"] = to_lists(found.sets, classes)
    if found.out_of_distribution is not None:
        table["out_of_distribution"] = found.out_of_distribution
    return table.reset_index(drop=True)


def evaluate_split(metrics: dict[str, Metric], predictions: Predictions, options: Options) -> dict[str, Estimate]:
    """Every metric with its interval; the figures of classes with too few samples are marked `few`."""
    return estimate_metrics(metrics, predictions, options.bootstrap, wilson_sample_size(options.half_width))


def baseline_margin(
    test: pd.DataFrame, predictions: Predictions, task: Task, packed: PackedDataset, options: Options
) -> dict[str, Estimate]:
    """The margin on test over a forest on the properties that is trained on the same train split."""
    train = packed.index[packed.index["split"] == "train"]
    by_properties = decide_by_properties(
        train, task.targets(train["labels"].tolist(), packed.classes), test, task.exclusive, options.seed
    )
    return {BEYOND: margin_over_properties(predictions, by_properties, task.exclusive, options.bootstrap)}


def cross_validated_figures(
    metrics: dict[str, Metric], task: Task, classes: list[str], options: Options
) -> dict[str, Estimate]:
    """Out-of-fold metrics of frozen features over the groups of all splits, and their margin over the properties.

    Samples of feedback are left out: they are mostly mistakes, and their groups could bridge two folds.
    """
    samples = (
        artifacts.read_table(artifacts.MANIFEST)
        .drop(columns=["group"])
        .merge(artifacts.read_table(artifacts.SPLITS), on="sample_id")
    )
    is_added = samples["sample_id"].map(is_feedback).astype(bool)
    samples = samples[samples["split"].isin(SPLITS) & ~is_added].reset_index(drop=True)
    features = Embeddings.load().of(samples["sample_id"])
    targets = task.targets(samples["labels"].tolist(), classes)
    found = cross_validate(samples, features, targets, classes, task.exclusive, options.seed)
    if found is None:
        return {}
    # scores of different folds are not on one scale
    on_decisions = {name: metric for name, metric in metrics.items() if not metric.by_scores}
    figures = {f"{CROSS}{name}": entry for name, entry in cross_figures(found, on_decisions, task, options).items()}
    groups = found.by_features.groups
    return figures | curve_estimates(found.curve, found.by_features.targets, groups, task.exclusive, options.bootstrap)


def cross_figures(found: OutOfFold, metrics: dict[str, Metric], task: Task, options: Options) -> dict[str, Estimate]:
    """Metrics of the out-of-fold predictions, and their margin over the properties; widened, as folds share samples."""
    bootstrap = options.bootstrap.across_folds
    figures = estimate_metrics(metrics, found.by_features, bootstrap)
    by_properties = replace(
        found.by_features, decided=found.by_properties, scores=found.by_properties.astype(np.float64)
    )
    alone = estimate_metrics(metrics, by_properties, bootstrap)
    margin = margin_over_properties(found.by_features, found.by_properties, task.exclusive, bootstrap)
    return figures | {BEYOND: margin} | {f"{PROPERTIES}{name}": entry for name, entry in alone.items()}
