"""Results to MLflow: the run completed, a version registered once, the champion replaced where the gate says so."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pandas as pd

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.estimate import read_estimates
from pipeline.core.open_types import JsonObject
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.counterfactual_results import read_figures
from pipeline.evaluation.figures import build_gate
from pipeline.report.comparison import comparison_page
from pipeline.report.index import write_index
from pipeline.report.leaderboard import duration
from pipeline.report.provenance import model_facts
from pipeline.report.summary import read_summary
from pipeline.tracking import registry, runs
from pipeline.tracking.descriptions import describe_version
from pipeline.tracking.figures import INTERVENTIONS, TEST, VAL
from pipeline.tracking.parameters import data_facts
from pipeline.tracking.promotion import ComparisonOptions, Options, register_version
from pipeline.training.model_card import training_digest

ARTIFACTS = {
    "": [Path("params.yaml"), Path("dvc.yaml"), Path("dvc.lock")],
    "data": [artifacts.VALIDATION, artifacts.CHECKS, artifacts.CURATION, artifacts.SUSPECTS, artifacts.PREVIEW],
    "evaluation": [
        *(artifacts.PREDICTIONS, artifacts.METRICS, artifacts.TEST_METRICS, artifacts.SLICES, artifacts.CONFUSION),
        *(artifacts.TRAIN_CURVES, artifacts.IMBALANCE, artifacts.INTERVENTIONS, artifacts.INTERVENTIONS_TABLE),
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
    metrics[INTERVENTIONS] = read_figures(artifacts.INTERVENTIONS)
    packed = PackedDataset.load()
    key = artifacts.content_digest(
        card["training_key"].encode(),
        artifacts.METRICS.read_bytes(),
        artifacts.TEST_METRICS.read_bytes(),
        artifacts.PREDICTIONS.read_bytes(),
        artifacts.INTERVENTIONS.read_bytes(),
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
    write_index(str(card["source"]), "register", version_facts(result, card, len(curves)))
    return [f"{result['model']} version {result['version']}, {' and '.join(result['aliases'])}", *read_summary()]


def version_facts(result: JsonObject, card: JsonObject, num_epochs: int) -> list[tuple[str, str]]:
    """What the first page says of the version: its verdict, and how, when and with what it was made."""
    tags = registry.version_tags(result["model"], result["version"])
    seconds = runs.training_seconds(card["training_key"])
    software = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "timm", "scikit-learn"))
    num_bytes = sum(path.stat().st_size for path in artifacts.PREDICTOR.rglob("*") if path.is_file())
    facts = [
        ("Version", f"{result['model']} version {result['version']}"),
        ("Verdict", describe_verdict(result, tags)),
        *model_facts(card, num_epochs, num_bytes),
        ("Training time", "" if seconds is None else duration(seconds)),
        ("Git commit", runs.describe_commit(tags.get(registry.COMMIT, ""))),
        ("Software", f"Python {platform.python_version()}, {software}"),
    ]
    return [(name, value) for name, value in facts if value]


def describe_verdict(result: JsonObject, tags: Mapping[str, str]) -> str:
    """What a person decided on the version, where one has, else what the gate decided."""
    if registry.PROMOTION_TAG in tags:
        return f"{tags['verdict']}: {tags['reason']}"
    return f"{' and '.join(result['aliases'])}: {result['reasons'][0]}"


if __name__ == "__main__":
    stage_runner.run("register", main)
