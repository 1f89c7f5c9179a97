"""Refuses parameters with which a later stage would fail: in the first seconds, by the key that must change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.choices.networks_check import check_networks
from pipeline.choices.retraining_options import Options as RetrainingOptions
from pipeline.choices.unlabelled_check import refuse_needless
from pipeline.core import config
from pipeline.core.choices import check_choices, is_exclusive, is_supervised, refuse_unknown_names
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.suggestions import did_you_mean
from pipeline.core.watched_places import check_places, watched_places
from pipeline.datasets.expectations import ManifestExpectations
from pipeline.datasets.ingestion import Limits
from pipeline.datasets.near_duplicates.groups import compared_bits
from pipeline.datasets.near_duplicates.photo_pairs import DuplicateSearch
from pipeline.datasets.packing import Packing
from pipeline.evaluation import cluster_report, counterfactuals, explanations, robustness, split_evaluation, time_use
from pipeline.evaluation.figures import build_gates, metrics_of_gates
from pipeline.evaluation.threshold_choice import refuse_unfit_aim
from pipeline.features.extractor import FeatureOptions
from pipeline.monitoring.measurement import MonitoringOptions
from pipeline.prediction.runtime_record import refuse_missing_packages
from pipeline.report.card_texts import CardTexts
from pipeline.tracking import promotion
from pipeline.training import policy_fit
from pipeline.training.recipe import candidate_selection

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

OPTIONS = {  # the sections that later stages and commands read, each as what they make of it
    "ingest": Limits,
    "validate": ManifestExpectations,
    "near_duplicates": DuplicateSearch,
    "embed": FeatureOptions,
    "augment": Packing,
    "policy": policy_fit.Options,
    "intervene": counterfactuals.Options,
    "explain": explanations.Options,
    "evaluate": split_evaluation.Options,
    "time_use": time_use.Options,
    "robustness": robustness.Options,
    "register": promotion.Options,
    "card": CardTexts,
    "clusters": cluster_report.Options,
    "monitoring": MonitoringOptions,
    "retraining": RetrainingOptions,
}


def refuse_misfits(params: Params) -> None:
    """`check_params`, then `check_networks`.

    Raises:
        UserError: A value cannot be used; the message names its key and the remedy.
    """
    check_params(params)
    check_networks(params)


def check_params(params: Params) -> None:
    """Builds every section, without torch: what needs a network is `networks_check.check_networks`.

    Raises:
        UserError: A value cannot be used; the message names its key and the remedy.
    """
    metrics = params.get("metric")
    if is_supervised(params) and (not metrics or (isinstance(metrics, dict) and not any(metrics.values()))):
        raise UserError("metric is empty, so nothing would be measured; set it to a list of names from conf/metric/")
    refuse_unknown_names(params)
    check_choices(params)
    built = {key: config.instantiate(options, config.get_section(params, key), key) for key, options in OPTIONS.items()}
    refuse_needless(params)
    aim: Aim = config.build(config.get_section(params, "aim"), "aim")
    config.build(config.get_section(params, "feature_distance"), "feature_distance")
    for group in ("monitor", "retrain"):  # which commands read, and no stage
        config.build_all(params, group)
    metrics_of_gates(params, build_gates(params), built["validate"].classes)
    if built["validate"].classes:  # else `validate` knows them
        refuse_unfit_aim(aim, built["validate"].classes, is_exclusive(params))
    refuse_missing_packages(built["register"].runtime)
    _check_imbalance(params)
    _check_leakage(params)
    _check_source(params)


def _check_imbalance(params: Params) -> None:
    candidate_selection(params)
    name, folder = params.get("imbalance"), config.CONF / "imbalance"
    known = [path.stem for path in folder.glob("*.yaml")]
    if isinstance(name, str) and known and name not in known:
        raise UserError(
            f"params.yaml: imbalance is {name!r}, and {folder}/ has no such file{did_you_mean(name, known)}"
        )


def _check_leakage(params: Params) -> None:
    """Refuses a check that would stop the run because of near-duplicates that the split leaves apart on purpose."""
    check, split = params.get("check", {}).get("split_leakage"), config.get_section(params, "split")
    if check is None or check["on_fail"] != "error":
        return
    looked_for, joined = check["near_duplicate_bits"], compared_bits(split.get("near_duplicate_bits"))
    if looked_for > joined:
        grouped = "" if "near_duplicate_bits" in split else "split=grouped and "  # the random split compares no hashes
        raise UserError(
            f"params.yaml: check.split_leakage.near_duplicate_bits is {looked_for}, and the split leaves "
            f"near-duplicates of more than {joined} bits apart, for which the check would stop the run; set {grouped}"
            f"split.near_duplicate_bits={looked_for}, or check.split_leakage.on_fail=warn"
        )


def _check_source(params: Params) -> None:
    """Refuses a source without its files, and one that its constructor refuses."""
    check_places(watched_places(params))
    config.build(config.get_section(params, "source"), "source")
