"""The checks as cards, in the report and on a page of their own."""

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
Stage = Literal["check", "curate"]
TEXTS: dict[Stage, tuple[str, str, str]] = {  # stage to title, lead and the page of its checks
    "check": (
        "Counts, files and measurements",
        "These checks ignore the content: they count pictures, find copies, and measure brightness and sharpness.",
        artifacts.CHECKS_PAGE.name,
    ),
    "curate": (
        "The content of the pictures",
        "These checks compare the features of the pictures; the network behind the features never saw the labels.",
        artifacts.CURATION_PAGE.name,
    ),
}
PAGES = {"label_suspects": ("All of them, one by one", artifacts.SUSPECTS_PAGE.name)}  # checks with a page of their own


@dataclass(frozen=True, kw_only=True)
class CheckCard:
    """One check.

    Attributes:
        anchor: Target of links to the card.
        stops: Whether it stops the run.
        obstacle: Why the check could not have failed on these data; empty where it could.
        reached: Value as a share of the bar, 0 to 1.
        allowed: Limit as a share of the bar, 0 to 1.
        strips: Caption, and for each picture its sample_id, data URI (empty if not available) and whether it is tiny.
        num_rows: Of the full table; `table` may hold only the first rows.
        further: Text and address of a link to a page with more; None for none.
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
class ChecksSection:
    """The section of the checks of one stage.

    Attributes:
        page: Address of the page with these checks only; empty on that page itself.
        cards: First those that did not pass.
    """

    title: str
    lead: str
    page: str
    cards: list[CheckCard]


def checks_page(name: str, stage: Stage, checks: dict[str, StoredFinding], images: dict[str, np.ndarray]) -> str:
    """The page with the checks of one stage; it is the only page if they stop the run.

    Args:
        name: Of the data set.
        stage: The stage that ran them.
        checks: `reports/checks.json` or `reports/curation.json`.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8 of `linked_samples`, as far as available.
    """
    content = {"name": name, "sections": [replace(checks_section(stage, checks, images), page="")]}
    return page("checks.html.jinja", content)


def checks_section(stage: Stage, checks: dict[str, StoredFinding], images: dict[str, np.ndarray]) -> ChecksSection:
    """The section of the checks of one stage."""
    title, lead, own_page = TEXTS[stage]
    return ChecksSection(title=title, lead=lead, page=own_page, cards=check_cards(stage, checks, images))


def linked_samples(checks: dict[str, StoredFinding]) -> list[str]:
    """The samples whose pictures the cards show."""
    return list(dict.fromkeys(one for finding in checks.values() for _, names in _strips(finding) for one in names))


def _strips(finding: StoredFinding) -> list[tuple[str, list[str]]]:
    strips = list(finding.pictures.items())[:MAX_STRIPS]
    return [(caption, list(names)[:MAX_IN_STRIP]) for caption, names in strips]


def check_cards(stage: Stage, checks: dict[str, StoredFinding], images: dict[str, np.ndarray]) -> list[CheckCard]:
    """Cards in the order of the checks, first those that did not pass."""
    shown = {name: images[name] for name in linked_samples(checks) if name in images}
    uris = thumbnails(shown)
    pictures = {name: (name, uris[name], max(array.shape[:2]) < TINY) for name, array in shown.items()}
    cards = [_card(name, name, finding, pictures) for name, finding in checks.items()]
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
    """A share in percent, any other number with four figures."""
    if value is None:
        return "undefined"
    return share(value) if unit.startswith("share of ") else brief(value)
