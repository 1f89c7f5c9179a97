"""The predictor on val and test: scores, metrics with intervals, slices, and the page that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core import artifacts, config, stage_runner, test_ledger
from pipeline.core.choices import refuse_unfit
from pipeline.core.estimate import write_estimates
from pipeline.core.feature_reference import read_reference
from pipeline.core.predictions import Predictions
from pipeline.core.sample_codec import noun_of
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.cluster_agreement import pair_labels
from pipeline.evaluation.cluster_report import Options as Clustering
from pipeline.evaluation.gates.stable_clusters import STABILITY
from pipeline.evaluation.policy_evaluation import NO_POLICY_FIGURES, evaluate_policy, read_policy
from pipeline.evaluation.slice_candidates import list_slices
from pipeline.evaluation.slices import COLUMNS as SLICE_COLUMNS
from pipeline.evaluation.slices import slice_table
from pipeline.evaluation.split_evaluation import (
    Options,
    baseline_margin,
    cross_validated_figures,
    evaluate_split,
    predict_splits,
)
from pipeline.evaluation.time_use import STACKED_AXES, StackedSamples, measure_time_use
from pipeline.evaluation.time_use import Options as TimeUse
from pipeline.evaluation.worst_group import WORST, worst_group_accuracy
from pipeline.features.extractor import FeatureOptions
from pipeline.features.store import Embeddings
from pipeline.media.choice import media_of_params
from pipeline.media.reader import make_reader
from pipeline.report.clusters import clusters_page, describe_findings, show_pictures
from pipeline.report.confusion import confusion_table
from pipeline.report.dvc_plots import write_plots
from pipeline.report.index import write_index
from pipeline.report.page import Material, render
from pipeline.report.summary import describe_test
from pipeline.statistics.bootstrap import FEW_GROUPS
from pipeline.training.fitted_clusters import describe_fitted
from pipeline.training.model_card import load_predictor

if TYPE_CHECKING:
    from pipeline.core.contracts import Predictor
    from pipeline.core.estimate import Estimate
    from pipeline.core.open_types import JsonObject, Params
    from pipeline.core.policy import Policy


def main() -> list[str]:
    params = config.load_params()
    options = Options.of(params)
    metrics = config.build_all(params, "metric")
    packed = PackedDataset.load()
    predictor, card = load_predictor(artifacts.PREDICTOR)
    if not predictor.task.supervised:
        return evaluate_clusters(params, packed, predictor, card)
    refuse_unfit({f"metric.{name}": one for name, one in metrics.items()}, predictor.task.exclusive)
    policy = read_policy(card)
    predictions = predict_splits(predictor, packed, policy, read_reference(policy, artifacts.REFERENCE))
    val, test = (predictions[predictions["split"] == name].reset_index(drop=True) for name in ("val", "test"))
    of_val, of_test = (Predictions.of(part, packed.classes) for part in (val, test))
    reading = test_ledger.Reading.of([of_test], test_ledger.EVALUATE, str(card["training_key"]))
    test_ledger.record(reading)
    single_numbers = {name: metric for name, metric in metrics.items() if not metric.per_class}
    choose_by = evaluate_split(single_numbers, of_val, options) if len(of_val) else {}
    figures = evaluate_split(metrics, of_test, options)
    figures |= baseline_margin(test, of_test, predictor.task, packed, options)
    if options.cross_validation == "always" or (options.cross_validation == "auto" and of_test.num_groups < FEW_GROUPS):
        figures |= cross_validated_figures(single_numbers, predictor.task, packed.classes, options)
    figures |= stacked_figures(params, packed, predictor, policy, options)
    features = Embeddings.load().of(predictions["sample_id"])
    of_policy = evaluate_policy(policy, predictions, packed.classes, features, options.bootstrap)
    slices, _ = list_slices(test, of_test, options.min_slice, options.max_slices)
    sliced = slice_table(slices, of_test, metrics, options.bootstrap, options.min_slice)
    figures[WORST] = worst_group_accuracy(slices, of_test, options.bootstrap, options.min_slice)
    artifacts.write_table(artifacts.PREDICTIONS, predictions, metadata={"classes": packed.classes})
    write_estimates(artifacts.METRICS, choose_by)
    write_estimates(artifacts.TEST_METRICS, figures)
    test_ledger.write_history(test_ledger.list_until(reading))
    artifacts.write_json(artifacts.POLICY_FIGURES, of_policy)
    artifacts.write_csv(artifacts.SLICES, sliced)
    artifacts.write_csv(artifacts.CONFUSION, confusion_table(test))
    write_plots(of_policy, figures, pd.read_csv(artifacts.ROBUSTNESS))
    choices = {
        name: card[name] for name in ("augmentation", "encoder", "imbalance", "mix", "task", "train", "transform")
    }
    shown = {**choices, **{name: params[name] for name in ("evaluate", "metric")}}  # what this page is a function of
    reader = make_reader(params, artifacts.read_table(artifacts.MANIFEST))
    artifacts.write_text(
        artifacts.REPORT, render(Material.gather(shown, metrics, packed, options.num_mistakes, reader))
    )
    write_index(str(card["source"]), "evaluate", media=reader.codec.media)
    return [describe_test(figures, len(test), noun_of(reader.codec.media))]


def stacked_figures(
    params: Params, packed: PackedDataset, predictor: Predictor, policy: Policy, options: Options
) -> dict[str, Estimate]:
    """Whether the model uses the order of frames or slices; empty where a sample is a picture."""
    if packed.images.ndim != STACKED_AXES:
        return {}
    featuring: FeatureOptions = config.instantiate(FeatureOptions, config.get_section(params, "embed"), "embed")
    chosen: TimeUse = config.instantiate(TimeUse, config.get_section(params, "time_use"), "time_use")
    has_time = (artifacts.read_table(artifacts.MANIFEST)["media"] == "clip").all()
    samples = StackedSamples.of(packed, predictor, policy)
    return measure_time_use(samples, bool(has_time), featuring, chosen, options.bootstrap)


def evaluate_clusters(params: Params, packed: PackedDataset, predictor: Predictor, card: JsonObject) -> list[str]:
    """The same artifacts of a task without labels: figures where some pictures have labels, and what was found."""
    options: Clustering = config.instantiate(Clustering, config.get_section(params, "clusters"), "clusters")
    policy = read_policy(card)
    predictions = predict_splits(predictor, packed, policy, read_reference(policy, artifacts.REFERENCE))
    predictions = predictions.assign(labels=[[] for _ in range(len(predictions))])  # of other names than the clusters
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    reading = test_ledger.Reading.of(
        [Predictions.of(test, card["classes"])], test_ledger.EVALUATE, str(card["training_key"])
    )
    test_ledger.record(reading)
    report, assigned, samples = describe_fitted(packed, predictor, card, options, ("val", "test"))
    figures = dict(report.figures.get("test", {}))
    if report.stability is not None:
        figures[STABILITY] = report.stability
    of_policy = {"policy": policy.to_json(), **NO_POLICY_FIGURES}
    artifacts.write_table(artifacts.PREDICTIONS, predictions, metadata={"classes": card["classes"]})
    write_estimates(artifacts.METRICS, report.figures.get("val", {}))
    write_estimates(artifacts.TEST_METRICS, figures)
    test_ledger.write_history(test_ledger.list_until(reading))
    artifacts.write_json(artifacts.POLICY_FIGURES, of_policy)
    artifacts.write_csv(artifacts.SLICES, pd.DataFrame(columns=SLICE_COLUMNS))
    artifacts.write_csv(artifacts.CONFUSION, pair_labels(samples[samples["split"] == "test"], assigned))
    write_plots(of_policy, figures, pd.read_csv(artifacts.ROBUSTNESS))
    manifest, media = artifacts.read_table(artifacts.MANIFEST), media_of_params(params)
    artifacts.write_text(artifacts.REPORT, clusters_page(report, *show_pictures(params, report, manifest), media))
    write_index(str(card["source"]), "evaluate", media=media)
    return [describe_findings(report)]


if __name__ == "__main__":
    stage_runner.run("evaluate", main)
