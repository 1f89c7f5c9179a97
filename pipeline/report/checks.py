"""The checks as people read them: one card each, in the report and on a page of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipeline.core import artifacts
from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, MAX_STRIPS, StoredFinding
from pipeline.report.formatting import brief, share
from pipeline.report.mistakes import TINY
from pipeline.report.pictures import thumbnails
from pipeline.report.rendering import page

State = Literal["passed", "warning", "failed", "cannot be judged"]
Round = Literal["check", "curate"]
TOLD: dict[Round, tuple[str, str, str]] = {  # stage to title, lead and page of its own
    "check": (
        "What counts, files and measurements show",
        "Found without recognising anything: how many there are, which are copies, how bright or sharp they are.",
        artifacts.CHECKS_PAGE.name,
    ),
    "curate": (
        "What the pictures show",
        "Found by describing each picture in numbers, in a way that never saw the labels, and asking which are alike.",
        artifacts.CURATION_PAGE.name,
    ),
}
PAGES = {"label_suspects": ("Look at them one by one", artifacts.SUSPECTS_PAGE.name)}  # checks with a page of their own


@dataclass(frozen=True, kw_only=True)
class CheckCard:
    """One check.

    Attributes:
        anchor: Of the card, in links.
        stops: Whether it stops the run.
        obstacle: What keeps it from judging; empty where nothing does.
        reached: Value as a share of the bar, 0 to 1.
        allowed: Limit as a share of the bar, 0 to 1.
        strips: Caption to sample_id, data URI (empty where it is not at hand), and whether the picture is tiny.
        num_rows: Of the whole table, of which `table` may be the beginning.
        further: Words and page of what the check shows elsewhere.
    """

    anchor: str
    name: str
    state: State
    stops: bool
    obstacle: str
    question: str
    value: str
    limit: str
    unit: str
    reached: float
    allowed: float
    worst: list[tuple[str, str]]
    advice: str
    sentence: str
    strips: list[tuple[str, list[tuple[str, str, bool]]]]
    table: Sequence[Mapping[str, object]]
    num_rows: int
    further: tuple[str, str] | None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The checks of one stage, in a section.

    Attributes:
        page: Of these checks alone, beside the report; empty on that page itself.
        cards: Those that did not pass first.
    """

    title: str
    lead: str
    page: str
    cards: list[CheckCard]


def checks_page(name: str, stage: Round, checks: dict[str, StoredFinding], images: dict[str, np.ndarray]) -> str:
    """The page of one stage's checks alone: there is no other when they stop the run.

    Args:
        name: Of the data set.
        stage: That asked.
        checks: `reports/checks.json` or `reports/curation.json`.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8 of what `pointed_at` names, as far as at hand.
    """
    told = {"name": name, "sections": [replace(checks_section(stage, checks, images), page="")]}
    return page("checks.html.jinja", told)


def checks_section(stage: Round, checks: dict[str, StoredFinding], images: dict[str, np.ndarray]) -> Checked:
    """The section of one stage."""
    title, lead, own_page = TOLD[stage]
    return Checked(title=title, lead=lead, page=own_page, cards=check_cards(stage, checks, images))


def linked_samples(checks: dict[str, StoredFinding]) -> list[str]:
    """The samples whose pictures the cards show."""
    return list(dict.fromkeys(one for finding in checks.values() for _, names in _strips(finding) for one in names))


def _strips(finding: StoredFinding) -> list[tuple[str, list[str]]]:
    strips = list(finding.pictures.items())[:MAX_STRIPS]
    return [(caption, list(names)[:MAX_IN_STRIP]) for caption, names in strips]


def check_cards(stage: Round, checks: dict[str, StoredFinding], images: dict[str, np.ndarray]) -> list[CheckCard]:
    """Cards in the order of the checks, those that did not pass first."""
    shown = {name: images[name] for name in linked_samples(checks) if name in images}
    uris = thumbnails(shown)
    pictures = {name: (name, uris[name], max(array.shape[:2]) < TINY) for name, array in shown.items()}
    cards = [
        _card(f"{stage}-{number}", name, finding, pictures) for number, (name, finding) in enumerate(checks.items(), 1)
    ]
    order = ("failed", "warning", "cannot be judged", "passed")
    return sorted(cards, key=lambda card: (not card.stops, order.index(card.state)))


def _card(anchor: str, name: str, finding: StoredFinding, pictures: dict[str, tuple[str, str, bool]]) -> CheckCard:
    value, limit = finding.value, finding.limit
    end = 1.2 * max(value or 0.0, limit or 0.0) or 1.0
    return CheckCard(
        anchor=anchor,
        name=name.replace("_", " "),
        state=_state(finding),
        stops=not finding.passed and finding.on_fail == "error",
        obstacle=finding.obstacle if finding.state == "cannot_be_judged" else "",
        question=finding.question,
        value=_figure(value, finding.unit),
        limit=_figure(limit, finding.unit),
        unit=finding.unit,
        reached=max(0.0, (value or 0.0) / end),
        allowed=max(0.0, (limit or 0.0) / end),
        worst=[(offender, brief(figure)) for offender, figure in finding.worst.items()],
        advice=finding.advice,
        sentence=finding.sentence,
        strips=[
            (caption, [pictures.get(one, (one, "", False)) for one in names]) for caption, names in _strips(finding)
        ],
        table=finding.table[:MAX_ROWS],
        num_rows=max(len(finding.table), finding.num_rows),
        further=PAGES.get(name),
    )


def _state(finding: StoredFinding) -> State:
    if finding.state == "cannot_be_judged":
        return "cannot be judged"
    return "passed" if finding.passed else "failed" if finding.on_fail == "error" else "warning"


def _figure(value: float | None, unit: str) -> str:
    """A share in percent, any other number as it is."""
    if value is None:
        return "undefined"
    return share(value) if unit.startswith("share of ") else brief(value)
