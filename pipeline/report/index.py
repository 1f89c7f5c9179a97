"""The page that leads to all others: what each says, and how far the run has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core import artifacts
from pipeline.core.estimate import read_estimates
from pipeline.core.results import StoredFinding, read_findings
from pipeline.core.terminal import count_of
from pipeline.evaluation.gates.stable_clusters import STABILITY
from pipeline.report.command_pages import write_commands_page
from pipeline.report.formatting import figure, plain
from pipeline.report.headline import leading_metric
from pipeline.report.rendering import page

Stage = Literal["check", "curate", "evaluate", "register"]
State = Literal["", "passed", "warning", "failed", "not yet"]
STAGES: tuple[Stage, ...] = ("check", "curate", "evaluate", "register")
DATA_DOCS = Path("reports/data_docs/index.html")
MANY = 10_000_000  # bytes of a list of suspects that is read; a longer one is not counted


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One page.

    Attributes:
        href: Its address; empty where the page does not exist yet.
        text: What it says now, or what it will say.
        state: Worst state of what it shows; `not yet` where this run has not come so far.
    """

    href: str
    title: str
    text: str
    state: State


@dataclass(frozen=True)
class PageOfStage:
    """A page, the stage that writes it, and the artifact that says what it shows."""

    stage: Stage
    path: Path
    title: str
    content: str
    data: Path
    describe: Callable[[], tuple[str, State]]


def write_index(name: str, stage: Stage, facts: Sequence[tuple[str, str]] = (), media: str = "image") -> None:
    """Writes `reports/index.html` as it is at the end of a stage, so that it is current during a run and after a stop.

    `reports/commands.html`, to which it leads and which is no output of a stage, is brought up to date too.

    Args:
        name: Of the data set.
        stage: That has just written its pages; those of later stages are of an earlier run.
        facts: Of the registered version: name and value.
        media: Of the data set.
    """
    artifacts.write_text(artifacts.INDEX, index_page(name, stage, facts, media))
    write_commands_page(name, media)


def index_page(name: str, stage: Stage, facts: Sequence[tuple[str, str]] = (), media: str = "image") -> str:
    """The page; see `write_index`."""
    done = STAGES[: STAGES.index(stage) + 1]
    entries = [_entry(one, one.stage in done and one.data.is_file()) for one in PAGES]
    content = {
        "name": name,
        "claim": _report()[0] if "evaluate" in done and artifacts.TEST_METRICS.is_file() else "",
        "stopped": stopping_checks(stage),
        "finished": stage == "register",
        "facts": list(facts),
        "entries": entries,
    }
    return page("index.html.jinja", content, media=media)


def stopping_checks(stage: Stage) -> list[str]:
    """The checks of a stage that stop the run, in words."""
    path = {"check": artifacts.CHECKS, "curate": artifacts.CURATION}.get(stage)
    findings = {} if path is None else read_findings(path)
    return [name.replace("_", " ") for name, one in findings.items() if not one.passed and one.on_fail == "error"]


def _entry(one: PageOfStage, is_current: bool) -> Entry:
    if is_current:
        text, state = one.describe()
        return Entry(href=_href(one.path), title=one.title, text=text, state=state)
    if one.path.is_file():
        text = f"{one.content} This page is of an earlier run."
        return Entry(href=_href(one.path), title=one.title, text=text, state="not yet")
    return Entry(href="", title=one.title, text=one.content, state="not yet")


def _href(path: Path) -> str:
    return path.relative_to(artifacts.INDEX.parent).as_posix()


def _report() -> tuple[str, State]:
    metrics = read_estimates(artifacts.TEST_METRICS)
    first = leading_metric(metrics, ())
    if first is None:
        return "No metric was chosen.", ""
    if first == STABILITY and (value := metrics[first].value) is not None:
        return f"Clusters on which halves of the {{noun}}s agree by {plain(value)} (1: the same).", ""
    shown = figure(first, metrics[first])
    return f"{shown.text} {shown.name} ({shown.between}) on {count_of(shown.n, 'test {noun}')}.", ""


def _checks() -> tuple[str, State]:
    return describe_findings(read_findings(artifacts.CHECKS))


def _curation() -> tuple[str, State]:
    return describe_findings(read_findings(artifacts.CURATION))


def describe_findings(findings: dict[str, StoredFinding]) -> tuple[str, State]:
    """How many checks passed, warned, failed, cannot be judged and are noted; all but those that passed by name."""
    groups: dict[str, list[str]] = {"failed": [], "warned": [], "cannot be judged": [], "noted": []}
    for name, one in findings.items():
        if one.state in ("cannot_be_judged", "noted"):
            groups[one.state.replace("_", " ")].append(name.replace("_", " "))
        elif not one.passed:
            groups["failed" if one.on_fail == "error" else "warned"].append(name.replace("_", " "))
    num_passed = len(findings) - sum(map(len, groups.values()))
    parts = [f"{num_passed} passed"]
    parts += [f"{len(names)} {word} ({', '.join(names)})" for word, names in groups.items() if names]
    stops = any(not one.passed and one.on_fail == "error" for one in findings.values())
    state: State = "failed" if stops else "warning" if groups["warned"] else "passed" if findings else ""
    return (f"{count_of(len(findings), 'check')}: {'; '.join(parts)}." if findings else "No check was run."), state


def _suspects() -> tuple[str, State]:
    import pandas as pd

    if artifacts.SUSPECTS.stat().st_size > MANY:
        return "Many labels worth a look.", ""
    certainty = pd.read_csv(artifacts.SUSPECTS, usecols=["model"], dtype=str)["model"]
    if certainty.empty:
        if any(one.state == "cannot_be_judged" for one in _suspect_findings()):
            return "The labels cannot be judged.", ""
        return "The model agrees with every label.", ""
    sure = int((certainty == "confident").sum())
    return f"{count_of(len(certainty), 'label')} worth a look; the model is confident of another for {sure:,}.", ""


def _suspect_findings() -> list[StoredFinding]:
    return [one for name, one in read_findings(artifacts.CURATION).items() if name == "label_suspects"]


def _comparison() -> tuple[str, State]:
    earlier = artifacts.read_json(artifacts.REGISTRATION).get("earlier_data")
    if not earlier:
        return "No version of earlier data to compare with.", ""
    if "reason" in earlier:
        return f"Not compared with version {earlier['version']}: {earlier['reason']}.", ""
    return f"Compared with version {earlier['version']}, which was trained on the data before a change.", ""


def _model_card() -> tuple[str, State]:
    return _describe_card(artifacts.MODEL_CARD, "What the model is for, its figures and its limits.")


def _data_sheet() -> tuple[str, State]:
    return _describe_card(
        artifacts.DATA_SHEET, "Where the {noun}s come from, what they hold, and what is known of them."
    )


def _describe_card(path: Path, content: str) -> tuple[str, State]:
    missing = path.read_text(encoding="utf-8").count("* `card.")
    return (
        f"{content} {count_of(missing, 'text of a person is', 'texts of a person are')} missing."
        if missing
        else content
    ), ""


def _preview() -> tuple[str, State]:
    return "Training {noun}s and changed copies of them.", ""


def _expectations() -> tuple[str, State]:
    validation = artifacts.read_json(artifacts.VALIDATION)
    broken = sum(not one["passed"] for one in validation["expectations"])
    text = f"{count_of(len(validation['expectations']), 'test')} of the manifest, {count_of(broken, 'failure')}."
    return text, "failed" if broken else "passed"


PAGES = (
    PageOfStage("evaluate", artifacts.REPORT, "Report", "Metrics, mistakes, slices.", artifacts.TEST_METRICS, _report),
    PageOfStage("check", artifacts.CHECKS_PAGE, "Data checks", "Labels and files.", artifacts.CHECKS, _checks),
    PageOfStage("curate", artifacts.CURATION_PAGE, "Content checks", "{Noun}s.", artifacts.CURATION, _curation),
    PageOfStage("curate", artifacts.SUSPECTS_PAGE, "Label suspects", "Labels.", artifacts.SUSPECTS, _suspects),
    PageOfStage("register", artifacts.COMPARISON, "Before and after", "", artifacts.REGISTRATION, _comparison),
    PageOfStage("register", artifacts.MODEL_CARD, "Model card", "", artifacts.MODEL_CARD, _model_card),
    PageOfStage("register", artifacts.DATA_SHEET, "Data sheet", "", artifacts.DATA_SHEET, _data_sheet),
    PageOfStage("evaluate", artifacts.PREVIEW, "Augmentation", "Changed copies.", artifacts.PREVIEW, _preview),
    PageOfStage("check", DATA_DOCS, "Expectations", "Tests of the manifest.", artifacts.VALIDATION, _expectations),
)
