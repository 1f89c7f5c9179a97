"""Results to MLflow: the run completed, a version registered once, the champion replaced where the gate says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.estimate import read_estimates
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.figures import build_gate
from pipeline.report.comparison import comparison_page
from pipeline.report.summary import read_summary
from pipeline.tracking import runs
from pipeline.tracking.descriptions import describe_version
from pipeline.tracking.figures import TEST, VAL
from pipeline.tracking.parameters import data_facts
from pipeline.tracking.promotion import ComparisonOptions, Options, register_version
from pipeline.training.model_card import training_digest

ARTIFACTS = {
    "": [Path("params.yaml"), Path("dvc.yaml"), Path("dvc.lock")],
    "data": [artifacts.VALIDATION, artifacts.CHECKS, artifacts.CURATION, artifacts.SUSPECTS, artifacts.PREVIEW],
    "evaluation": [
        *(artifacts.PREDICTIONS, artifacts.METRICS, artifacts.TEST_METRICS, artifacts.SLICES, artifacts.CONFUSION),
        *(artifacts.TRAIN_CURVES, artifacts.IMBALANCE),
        *(
            artifacts.REPORT,
            artifacts.CHECKS_PAGE,
            artifacts.CURATION_PAGE,
            artifacts.SUSPECTS_PAGE,
        ),  # the report links to the others
    ],
}


def main() -> list[str]:
    params = config.load_params()
    options: Options = config.instantiate(Options, config.get_section(params, "register"), "register")
    card = artifacts.read_json(artifacts.PREDICTOR / "card.json")
    gate = build_gate(params, card["classes"])
    metrics = {TEST: read_estimates(artifacts.TEST_METRICS), VAL: read_estimates(artifacts.METRICS)}
    packed = PackedDataset.load()
    key = artifacts.content_digest(
        card["training_key"].encode(),
        artifacts.METRICS.read_bytes(),
        artifacts.TEST_METRICS.read_bytes(),
        artifacts.PREDICTIONS.read_bytes(),
        options.model_name.encode(),
    )
    curves, facts = pd.read_csv(artifacts.TRAIN_CURVES), data_facts(packed)
    run_id, complete = runs.completed_run(card["training_key"], key, params, curves, metrics, training_digest(), facts)
    if not complete:
        described = packed.index.drop(columns=["origin", "group"]).assign(labels=packed.index["labels"].map(", ".join))
        runs.log_results(run_id, key, ARTIFACTS, described, card["source"], card["data_hash"])
    result = register_version(options, run_id, key, gate, card, packed, ComparisonOptions.of(params))
    describe_version(result, run_id, params, card, facts)
    artifacts.write_text(artifacts.COMPARISON, comparison_page(card["source"], result))
    artifacts.write_json(artifacts.REGISTRATION, result)
    return [f"{result['model']} version {result['version']}, {' and '.join(result['aliases'])}", *read_summary()]


if __name__ == "__main__":
    stage_runner.run("register", main)
