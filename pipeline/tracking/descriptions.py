"""What MLflow's pages say of a run, its version and its model, in words.

A description is written where there is none, so an attempt that was interrupted is completed, and what a person wrote
there stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.choices import is_supervised
from pipeline.core.estimate import Estimate, read_estimates
from pipeline.core.results import StoredFinding, read_findings
from pipeline.core.sample_codec import noun_of
from pipeline.evaluation.margin_text import BEYOND, describe_margin
from pipeline.media.choice import media_of_params
from pipeline.tracking.connection import open_store
from pipeline.tracking.experiments import NOTE, dataset_of
from pipeline.tracking.parameters import augmentation_names, encoder_name, learner_name
from pipeline.tracking.registry import PROMOTION_TAG
from pipeline.tracking.runs import SHORT

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

LEADING = (
    *("accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "auroc_macro"),
    *("matched_accuracy", "adjusted_rand"),  # of clusters
)
TITLES = {"f1_macro": "macro F1", "f1_micro": "micro F1", "auroc_macro": "macro AUROC"}
MAX_CLASSES, MAX_SENTENCE, MAX_TAG = 20, 200, 200
CHAMPION = "champion"
BY_PERSON = {  # kind of a decision to the tag `verdict` of its version, and how its description goes on
    "by_hand": ("champion by hand", "Promoted by hand:"),
    "rollback": ("champion again", "Brought back:"),
}
NOT_NEEDED = "not_needed"
OUTCOMES = {
    "passed": "passed",
    "refused": "refused",
    "cannot_be_judged": "cannot be judged",
    NOT_NEEDED: "not needed",
}
GATE_TAG = "gate."  # before the name of a gate: its outcome and sentence

ENCODED = {  # what the column of a served model holds, by media
    "image": "a JPEG or PNG file",
    "clip": "a film such as MP4, or a zip of frames",
    "volume": "a NIfTI, MRC or NPY file, or a zip of a DICOM series",
}


def describe_version(
    result: JsonObject, run_id: str, params: Params, card: JsonObject, facts: Mapping[str, object]
) -> None:
    """Describes the run, the version and the model that `register_version` registered, and tags the first two.

    Args:
        result: Of `register_version`.
        run_id: Of the version.
        params: All parameters of the pipeline.
        card: Of the predictor.
        facts: As `data_facts` returns them.
    """
    findings = read_findings(artifacts.CHECKS) | read_findings(artifacts.CURATION)
    text = summarise(read_estimates(artifacts.TEST_METRICS), findings, result, noun_of(media_of_params(params)))
    recipe = describe_recipe(params, card, facts)
    labels = version_tags(result, findings, params)
    name, version = result["model"], result["version"]
    with open_store() as (client, _):
        run, registered = client.get_run(run_id), client.get_model_version(name, version)
        if PROMOTION_TAG in registered.tags:  # what the person decided stays
            labels = {key: value for key, value in labels.items() if key not in ("verdict", "reason")}
        if NOTE not in run.data.tags:
            client.set_tag(run_id, NOTE, f"{text}\n\n{recipe} {name}, version {version}.")
        for key in {"verdict", "warnings"} & labels.keys():
            client.set_tag(run_id, key, labels[key])
        before = registered.description or ""
        if not before or before.startswith(tuple(opening for _, opening in BY_PERSON.values())):
            day = datetime.fromtimestamp(registered.creation_timestamp / 1000, UTC).date().isoformat()
            described = f"{text}\n\n{recipe} Registered on {day}."
            client.update_model_version(name, version, f"{described}\n\n{before}".strip())
        for key, value in labels.items():
            client.set_model_version_tag(name, version, key, value)
        if not client.get_registered_model(name).description:
            client.update_registered_model(name, describe_model(name, params, card))


def summarise(
    figures: Mapping[str, Estimate], findings: Mapping[str, StoredFinding], result: JsonObject, noun: str = "picture"
) -> str:
    """Headline figures with their intervals, the verdict, and what the checks found; Markdown."""
    parts = [headline(figures, noun)]
    margin = describe_margin(figures.get(BEYOND), noun=noun)
    parts += [f"{margin}."] if margin else []
    verdict = "Champion" if CHAMPION in result["aliases"] else "Not champion"
    reasons = [reason for reason in result["reasons"] if reason != margin]
    parts.append(f"**{verdict}**: {'; '.join(reasons)}." if reasons else f"**{verdict}**.")
    parts += [gate_table(result["gates"])] if result.get("gates") else []
    failed = failed_checks(findings)
    if failed:
        lines = [f"* `{name}`: {_sentence(findings[name])}" for name in failed]
        parts.append("\n".join([f"**{len(failed)} of {len(findings)} checks warn**:", "", *lines]))
    return "\n\n".join(parts)


def gate_table(gates: Sequence[JsonObject]) -> str:
    """What each gate found, a row each; Markdown."""
    rows = [
        f"| `{one['name']}` | {one['question']} | {OUTCOMES[one['outcome']]} | {_cell(one['sentence'])} |"
        for one in gates
    ]
    return "\n".join(["| gate | question | outcome | what was found |", "|---|---|---|---|", *rows])


def describe_decision(name: str, version: str, reason: str, champion_before: str | None, kind: str) -> None:
    """Says of a version that a person decided on it, and why: in its tags, its description, and the tags of its run.

    Args:
        name: Of the registered model.
        version: Its number.
        reason: On one line.
        champion_before: The version that it replaces.
        kind: One of `BY_PERSON`.
    """
    verdict, opening = BY_PERSON[kind]
    about = {"reason": reason, "champion_before": champion_before}
    tags = {PROMOTION_TAG: json.dumps(about), "verdict": verdict, "reason": reason}
    sentence = f"{opening} {reason}"
    with open_store() as (client, _):
        found = client.get_model_version(name, version)
        for key, text in tags.items():
            client.set_model_version_tag(name, version, key, text)
        client.set_tag(found.run_id, "verdict", verdict)
        before = found.description or ""
        if sentence not in before.splitlines():
            client.update_model_version(name, version, "\n\n".join(one for one in (before, sentence) if one))


def headline(figures: Mapping[str, Estimate], noun: str = "picture") -> str:
    """`Accuracy 0.841 [0.728, 0.975] on 372 test pictures of 6 groups (95 % interval), balanced accuracy ...`."""
    names = [name for name in LEADING if name in figures and figures[name].value is not None]
    names = names or [name for name, one in figures.items() if one.value is not None and "/" not in name][:1]
    if not names:
        return "No figure of test is defined."
    first, *others = names
    leading = figures[first]
    groups = f" of {leading.groups} groups" if leading.groups != leading.n else ""
    figure = _figure(first, leading)
    text = f"{figure[0].upper()}{figure[1:]} on {leading.n:,} test {noun}s{groups} (95 % interval)"
    caveat = f" The interval of the {_title(first)}: {leading.caveat}." if leading.caveat else ""
    return ", ".join([text, *(_figure(name, figures[name]) for name in others)]) + f".{caveat}"


def describe_recipe(params: Params, card: JsonObject, facts: Mapping[str, object]) -> str:
    """Data set, encoder and learner in a sentence."""
    nouns = f"{noun_of(media_of_params(params))}s"
    count = f"{facts['samples']:,} {nouns}" if "samples" in facts else nouns
    return (
        f"Data set `{card['source']}` ({count}, {_classes(card['classes'])}; digest {card['data_hash'][:SHORT]}); "
        f"{encoder_name(params['encoder'])}, {learner_name(params['train'])}, {params['image_size']} pixels; "
        f"augmentation: {augmentation_names(params['augmentation'])}."
    )


def describe_model(name: str, params: Params, card: JsonObject) -> str:
    """What a registered model does and how it is loaded; the same for all its versions."""
    media = media_of_params(params)
    nouns = f"{noun_of(media)}s"
    what = f"Classifies {nouns} as in" if is_supervised(params) else f"Groups {nouns} like those of"
    return (
        f"{what} the data set `{dataset_of(params)}`: {_classes(card['classes'])}. "
        "Every run of the pipeline that gave new results is a version. `champion`: the one to use; "
        "`challenger`: the latest.\n\n"
        f'`mlflow.pyfunc.load_model("models:/{name}@champion")` takes a table with a column `{media}` of encoded '
        f"{nouns} (the bytes of {ENCODED[media]}) and returns class and scores."
    )


def version_tags(result: JsonObject, findings: Mapping[str, StoredFinding], params: Params) -> dict[str, str]:
    """Short texts to filter and scan by."""
    failed = failed_checks(findings)
    verdict = CHAMPION if CHAMPION in result["aliases"] else "not champion"
    return {
        "dataset": dataset_of(params) or "",
        "encoder": encoder_name(params["encoder"]),
        "learner": learner_name(params["train"]),
        "verdict": verdict,
        "reason": next(iter(result["reasons"]), "")[:MAX_TAG],
        "warnings": (f"{len(failed)}: {', '.join(failed)}" if failed else "none")[:MAX_TAG],
        **{
            f"{GATE_TAG}{one['name']}": f"{OUTCOMES[one['outcome']]}: {one['sentence']}"[:MAX_TAG]
            for one in result.get("gates", [])
            if one["outcome"] != NOT_NEEDED  # the list of versions shows all tags; the description has every gate
        },
    }


def failed_checks(findings: Mapping[str, StoredFinding]) -> list[str]:
    """Names of the checks that failed; those that cannot be judged are left out."""
    return [name for name, one in findings.items() if one.state == "failed"]


def _cell(text: str) -> str:
    """A text within a table of Markdown."""
    return " ".join(text.split()).replace("|", "\\|")


def _figure(name: str, figure: Estimate) -> str:
    interval = "" if figure.interval is None else " [{:.3f}, {:.3f}]".format(*figure.interval)
    return f"{_title(name)} {figure.value:.3f}{interval}"


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))


def _sentence(finding: StoredFinding) -> str:
    text = " ".join((finding.sentence or f"{finding.value} {finding.unit}").split())
    return text if len(text) <= MAX_SENTENCE else text[: MAX_SENTENCE - 3].rstrip() + "..."


def _classes(classes: list[str]) -> str:
    shown = ", ".join(classes[:MAX_CLASSES])
    return f"{len(classes)} classes: {shown}" + (", ..." if len(classes) > MAX_CLASSES else "")
