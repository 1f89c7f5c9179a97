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
from pipeline.core.results import read_findings
from pipeline.core.sample_codec import noun_of
from pipeline.core.test_ledger import EVALUATE, Reading
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.counterfactual_results import read_figures
from pipeline.evaluation.explanation_results import read_explanation_figures
from pipeline.evaluation.paired_comparison import load_test_predictions
from pipeline.evaluation.policy_evaluation import read_policy, read_policy_figures
from pipeline.media.choice import media_of_card
from pipeline.report.card_texts import CardTexts
from pipeline.report.comparison import comparison_page
from pipeline.report.data_sheet import DataFacts, data_sheet
from pipeline.report.index import write_index
from pipeline.report.leaderboard import duration
from pipeline.report.model_card_page import ModelFacts, model_card
from pipeline.report.page import read_slices
from pipeline.report.provenance import model_facts
from pipeline.report.summary import read_summary
from pipeline.report.test_uses import read_evaluation_note
from pipeline.tracking import registry, runs
from pipeline.tracking.contest import count_bytes
from pipeline.tracking.descriptions import describe_version
from pipeline.tracking.figures import EXPLANATIONS, INTERVENTIONS, ROBUSTNESS, TEST, VAL
from pipeline.tracking.parameters import data_facts
from pipeline.tracking.promotion import Options, Rules, register_version
from pipeline.tracking.test_readings import share_reading
from pipeline.training.model_card import training_digest

ARTIFACTS = {
    "": [Path("params.yaml"), Path("dvc.yaml"), Path("dvc.lock")],
    "data": [
        artifacts.SPLITS,
        artifacts.VALIDATION,
        artifacts.CHECKS,
        artifacts.CURATION,
        artifacts.SUSPECTS,
        artifacts.PREVIEW,
    ],
    "evaluation": [
        *(artifacts.PREDICTIONS, artifacts.METRICS, artifacts.TEST_METRICS, artifacts.SLICES, artifacts.CONFUSION),
        *(artifacts.TEST_READINGS, artifacts.PRETRAIN_CURVES, artifacts.TRAIN_CURVES, artifacts.IMBALANCE),
        *(artifacts.ROBUSTNESS, artifacts.ROBUSTNESS_METRICS),
        *(artifacts.POLICY, artifacts.POLICY_FIGURES, artifacts.INTERVENTIONS, artifacts.INTERVENTIONS_TABLE),
        artifacts.EXPLANATIONS,
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
    rules = Rules.of(params)
    policy = read_policy(card)
    metrics = {
        TEST: read_estimates(artifacts.TEST_METRICS) | read_policy_figures(),
        VAL: read_estimates(artifacts.METRICS),
        ROBUSTNESS: read_estimates(artifacts.ROBUSTNESS_METRICS),
        INTERVENTIONS: read_figures(artifacts.INTERVENTIONS),
        EXPLANATIONS: read_explanation_figures(),
    }
    packed = PackedDataset.load()
    key = artifacts.content_digest(
        card["training_key"].encode(),
        artifacts.METRICS.read_bytes(),
        artifacts.TEST_METRICS.read_bytes(),
        artifacts.PREDICTIONS.read_bytes(),
        artifacts.ROBUSTNESS_METRICS.read_bytes(),
        artifacts.POLICY.read_bytes(),
        artifacts.INTERVENTIONS.read_bytes(),
        artifacts.EXPLANATIONS.read_bytes(),
        options.model_name.encode(),
        *([options.runtime.encode()] if options.runtime != "torch" else []),  # another runtime is another version
    )
    curves, facts = pd.read_csv(artifacts.TRAIN_CURVES), data_facts(packed, card.get("pretraining"))
    run_id, complete = runs.completed_run(
        *(card["training_key"], key, params, curves, metrics, training_digest(), facts),
        pretraining=pd.read_csv(artifacts.PRETRAIN_CURVES),
    )
    if not complete:
        described = packed.index.drop(columns=["origin", "group"]).assign(labels=packed.index["labels"].map(", ".join))
        runs.log_results(run_id, key, ARTIFACTS, described, card["source"], card["data_hash"])
    of_test = load_test_predictions(artifacts.PREDICTIONS, card["classes"])
    share_reading(run_id, Reading.of([of_test], EVALUATE, card["training_key"]))
    result = register_version(options, run_id, key, rules, card, packed, policy)
    describe_version(result, run_id, params, card, facts)
    media = media_of_card(card.get("packing") or {})
    artifacts.write_text(artifacts.COMPARISON, comparison_page(card["source"], result, media))
    artifacts.write_json(artifacts.REGISTRATION, result)
    details = version_facts(result, card, len(curves))
    texts: CardTexts = config.instantiate(CardTexts, config.get_section(params, "card"), "card")
    write_cards(
        card,
        details,
        texts,
        read_evaluation_note(result["test_set_uses"], noun_of(media_of_card(card.get("packing") or {}))).lines,
    )
    runs.log_files(run_id, "cards", [artifacts.MODEL_CARD, artifacts.DATA_SHEET])
    write_index(str(card["source"]), "register", details, media)
    return [f"{result['model']} version {result['version']}, {' and '.join(result['aliases'])}", *read_summary()]


def write_cards(card: JsonObject, details: list[tuple[str, str]], texts: CardTexts, readings: list[str]) -> None:
    """Writes `reports/model_card.md` and `reports/data_sheet.md`."""
    findings = read_findings(artifacts.CHECKS) | read_findings(artifacts.CURATION)
    model = ModelFacts(
        card=card,
        details=details,
        metrics=read_estimates(artifacts.TEST_METRICS),
        slices=read_slices(artifacts.SLICES),
        findings=findings,
        readings=readings,
        decisions=artifacts.read_json(artifacts.POLICY_FIGURES),
        robustness=read_estimates(artifacts.ROBUSTNESS_METRICS),
        counterfactuals=list_sentences(artifacts.read_json(artifacts.INTERVENTIONS)["results"]),
    )
    samples = artifacts.read_table(artifacts.MANIFEST)
    data = DataFacts(
        name=str(card["source"]),
        samples=samples.merge(artifacts.read_table(artifacts.SPLITS, columns=["sample_id", "split"]), on="sample_id"),
        quarantine=artifacts.read_table(artifacts.QUARANTINE),
        findings=findings,
        num_suspects=len(pd.read_csv(artifacts.SUSPECTS, usecols=["sample_id"], dtype=str)),
        packing=card.get("packing") or {},
        data_hash=str(card["data_hash"]),
        labelling=artifacts.read_json(artifacts.LABELLING),
    )
    artifacts.write_text(artifacts.MODEL_CARD, model_card(model, texts))
    artifacts.write_text(artifacts.DATA_SHEET, data_sheet(data, texts))


def list_sentences(results: list[JsonObject]) -> list[str]:
    """What each result of `reports/interventions.json` says: of the property, then of its place where it has one."""
    return [verdict["sentence"] for one in results for verdict in (one, one["outer"]) if verdict]


def version_facts(result: JsonObject, card: JsonObject, num_epochs: int) -> list[tuple[str, str]]:
    """What the first page says of the version: its verdict, and how, when and with what it was made."""
    tags = registry.version_tags(result["model"], result["version"])
    seconds = runs.training_seconds(card["training_key"])
    software = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "timm", "scikit-learn"))
    num_bytes = count_bytes(artifacts.PREDICTOR) or 0
    facts = [
        ("Version", f"{result['model']} version {result['version']}"),
        ("Verdict", describe_verdict(result, tags)),
        *model_facts(card, num_epochs, num_bytes),
        (
            "Readings of test",
            "; ".join(
                read_evaluation_note(result["test_set_uses"], noun_of(media_of_card(card.get("packing") or {}))).lines
            ),
        ),
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
