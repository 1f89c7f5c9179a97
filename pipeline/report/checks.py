"""The checks as cards, in the report and on a page of their own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipeline.core import artifacts
from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, MAX_STRIPS, StoredFinding
from pipeline.report.formatting import brief, share
from pipeline.report.meters import Meter, meter
from pipeline.report.pictures import Picture, gallery
from pipeline.report.rendering import page

State = Literal["passed", "noted", "warning", "failed", "cannot be judged"]
Stage = Literal["check", "curate"]
TEXTS: dict[Stage, tuple[str, str, str]] = {  # stage to title, lead and the page of its checks
    "check": (
        "Labels, files and measurements",
        "These checks ignore the content: they count {noun}s, find copies, and measure brightness and sharpness.",
        artifacts.CHECKS_PAGE.name,
    ),
    "curate": (
        "The content of the {noun}s",
        "These checks compare the features of the {noun}s; the network behind the features never saw the labels.",
        artifacts.CURATION_PAGE.name,
    ),
}
PAGES = {"label_suspects": ("All of them, one by one", artifacts.SUSPECTS_PAGE.name)}  # checks with a page of their own


@dataclass(frozen=True, kw_only=True)
class CheckCard:
    """One check.

    Attributes:
        anchor: Target of links to the card on the page of its stage.
        stops: Whether it stops the run.
        obstacle: Why the check could not have failed on these data; empty where it could.
        note: Why nothing follows from a number above its limit; empty where something does.
        meter: The bar; None where no scale fits.
        strips: Caption and pictures.
        num_rows: Of the full table; `table` may hold only the first rows.
        further: Text and address of a link to a page with more; None for none.
    """

    anchor: str
    name: str
    state: State
    stops: bool
    obstacle: str
    note: str
    question: str
    value: str
    limit: str
    unit: str
    meter: Meter | None
    worst: list[tuple[str, str]]
    advice: str
    sentence: str
    strips: list[tuple[str, list[Picture]]]
    table: Sequence[Mapping[str, object]]
    num_rows: int
    further: tuple[str, str] | None


@dataclass(frozen=True, kw_only=True)
class ChecksSection:
    """The section of the checks of one stage.

    Attributes:
        page: Address of the page with these checks only; empty on that page itself.
        prefix: Before the anchors, so that they differ from others on the page; empty on that page itself.
        cards: First those that did not pass.
    """

    title: str
    lead: str
    page: str
    prefix: str
    cards: list[CheckCard]

    @property
    def findings(self) -> list[CheckCard]:
        return [one for one in self.cards if one.state not in ("passed", "noted")]

    @property
    def notes(self) -> list[CheckCard]:
        return [one for one in self.cards if one.state == "noted"]

    @property
    def passes(self) -> list[CheckCard]:
        return [one for one in self.cards if one.state == "passed"]


def checks_page(
    name: str,
    stage: Stage,
    checks: dict[str, StoredFinding],
    images: dict[str, np.ndarray],
    links: Mapping[str, str] | None = None,
    media: str = "image",
) -> str:
    """The page with the checks of one stage; it is the only page if they stop the run.

    Args:
        name: Of the data set.
        stage: The stage that ran them.
        checks: `reports/checks.json` or `reports/curation.json`.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8 of `linked_samples`, as far as available.
        links: sample_id to the address of its file, as far as there is one.
        media: Of the data set.
    """
    section = replace(checks_section(stage, checks, images, links), page="", prefix="")
    return page("checks.html.jinja", {"name": name, "sections": [section], "stage": stage}, media=media)


def checks_section(
    stage: Stage,
    checks: dict[str, StoredFinding],
    images: dict[str, np.ndarray],
    links: Mapping[str, str] | None = None,
) -> ChecksSection:
    """The section of the checks of one stage."""
    title, lead, own_page = TEXTS[stage]
    cards = check_cards(checks, images, links)
    return ChecksSection(title=title, lead=lead, page=own_page, prefix=f"{stage}-", cards=cards)


def linked_samples(checks: Mapping[str, StoredFinding]) -> list[str]:
    """The samples whose pictures the cards show."""
    return list(dict.fromkeys(one for finding in checks.values() for _, names in _strips(finding) for one in names))


def _strips(finding: StoredFinding) -> list[tuple[str, list[str]]]:
    strips = list(finding.pictures.items())[:MAX_STRIPS]
    return [(caption, list(names)[:MAX_IN_STRIP]) for caption, names in strips]


def check_cards(
    checks: dict[str, StoredFinding], images: dict[str, np.ndarray], links: Mapping[str, str] | None = None
) -> list[CheckCard]:
    """Cards in the order of the checks, first those that did not pass."""
    times = Counter(one for finding in checks.values() for _, names in _strips(finding) for one in names)
    pictures = gallery({name: images[name] for name in times if name in images}, links, times=times)
    cards = [_card(_anchor(name, number), name, one, pictures) for number, (name, one) in enumerate(checks.items(), 1)]
    order = ("failed", "warning", "cannot be judged", "noted", "passed")
    return sorted(cards, key=lambda card: (not card.stops, order.index(card.state)))


def _anchor(name: str, number: int) -> str:
    """The name of the check, where an address can hold it."""
    return name if re.fullmatch(r"[a-z][a-z0-9_]*", name) and name != "checks" else f"check-{number}"


def _card(anchor: str, name: str, finding: StoredFinding, pictures: dict[str, Picture]) -> CheckCard:
    value, limit = finding.value, finding.limit
    return CheckCard(
        anchor=anchor,
        name=name.replace("_", " "),
        state=_state(finding),
        stops=not finding.passed and finding.on_fail == "error",
        obstacle=finding.obstacle if finding.state == "cannot_be_judged" else "",
        note=finding.note if finding.state == "noted" else "",
        question=finding.question,
        value=_figure(value, finding.unit),
        limit=_figure(limit, finding.unit),
        unit=finding.unit,
        meter=meter(value, limit, finding.unit),
        worst=[(offender, brief(figure)) for offender, figure in finding.worst.items()],
        advice=finding.advice,
        sentence=finding.sentence,
        strips=[
            (caption, [pictures.get(one, Picture(sample_id=one)) for one in names])
            for caption, names in _strips(finding)
        ],
        table=finding.table[:MAX_ROWS],
        num_rows=max(len(finding.table), finding.num_rows),
        further=PAGES.get(name),
    )


def _state(finding: StoredFinding) -> State:
    if finding.state == "cannot_be_judged":
        return "cannot be judged"
    if finding.state == "noted":
        return "noted"
    return "passed" if finding.passed else "failed" if finding.on_fail == "error" else "warning"


def _figure(value: float | None, unit: str) -> str:
    """A share in percent, any other number with four figures."""
    if value is None:
        return "undefined"
    return share(value) if unit.startswith("share of ") else brief(value)
