"""Results to MLflow: the run completed, a version registered once, the champion replaced where the gate says so."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import pandas as pd

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.contracts import Gate
from pipeline.core.estimate import read_estimates
from pipeline.core.open_types import JsonObject
from pipeline.datasets.packed import PackedDataset
from pipeline.report.comparison import comparison_page
from pipeline.report.index import write_index
from pipeline.report.leaderboard import duration
from pipeline.report.provenance import model_facts
from pipeline.tracking import registry, runs
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


def main() -> None:
    params = config.load_params()
    options: Options = config.instantiate(Options, config.get_section(params, "register"), "register")
    gate: Gate = config.build(config.get_section(params, "gate"), "gate")
    card = artifacts.read_json(artifacts.PREDICTOR / "card.json")
    metrics = {"test": read_estimates(artifacts.TEST_METRICS), "final_val": read_estimates(artifacts.METRICS)}
    packed = PackedDataset.load()
    key = artifacts.content_digest(
        card["training_key"].encode(),
        artifacts.METRICS.read_bytes(),
        artifacts.TEST_METRICS.read_bytes(),
        artifacts.PREDICTIONS.read_bytes(),
        options.model_name.encode(),
    )
    curves = pd.read_csv(artifacts.TRAIN_CURVES)
    run_id, complete = runs.completed_run(card["training_key"], key, params, curves, metrics, training_digest())
    if not complete:
        described = packed.index.drop(columns=["origin", "group"]).assign(labels=packed.index["labels"].map(", ".join))
        runs.log_results(run_id, key, ARTIFACTS, described, card["source"], card["data_hash"])
    result = register_version(options, run_id, key, gate, card, packed, ComparisonOptions.of(params))
    artifacts.write_text(artifacts.COMPARISON, comparison_page(card["source"], result))
    artifacts.write_json(artifacts.REGISTRATION, result)
    write_index(str(card["source"]), "register", version_facts(result, card, len(curves)))


def version_facts(result: JsonObject, card: JsonObject, num_epochs: int) -> list[tuple[str, str]]:
    """What the first page says of the version: its verdict, and how, when and with what it was made."""
    tags = registry.version_tags(result["model"], result["version"])
    seconds = runs.training_seconds(card["training_key"])
    software = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "timm", "scikit-learn"))
    num_bytes = sum(path.stat().st_size for path in artifacts.PREDICTOR.rglob("*") if path.is_file())
    facts = [
        ("Version", f"{result['model']} version {result['version']}"),
        ("Verdict", f"{' and '.join(result['aliases'])}: {result['reasons'][0]}"),
        *model_facts(card, num_epochs, num_bytes),
        ("Training time", "" if seconds is None else duration(seconds)),
        ("Git commit", runs.describe_commit(tags.get(registry.COMMIT, ""))),
        ("Software", f"Python {platform.python_version()}, {software}"),
    ]
    return [(name, value) for name, value in facts if value]


if __name__ == "__main__":
    stage_runner.run("register", main)
