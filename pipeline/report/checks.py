"""The checks as people read them: one card each, in the report and on a page of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.report.pictures import thumbnails
from pipeline.report.rendering import page
from pipeline.report.wording import brief

MAX_STRIPS, MAX_IN_STRIP = 6, 8  # of one check
State = Literal["passed", "warning", "failed"]


@dataclass(frozen=True, kw_only=True)
class CheckCard:
    """One check.

    Attributes:
        anchor: Of the card, in links.
        reached: Value as a share of the bar, 0 to 1.
        allowed: Limit as a share of the bar, 0 to 1.
    """

    anchor: str
    name: str
    state: State
    question: str
    value: str
    limit: str
    unit: str
    reached: float
    allowed: float
    worst: list[tuple[str, str]]
    advice: str
    sentence: str
    strips: list[tuple[str, list[tuple[str, str]]]]
    table: list[dict[str, Any]]


def checks_page(name: str, checks: dict[str, Any], images: dict[str, np.ndarray]) -> str:
    """The page of the checks alone: there is no other when they stop the run.

    Args:
        name: Of the data set.
        checks: `reports/checks.json` or `reports/curation.json`.
        images: sample_id to (H, W), (H, W, 1) or (H, W, 3) uint8 of what `pointed_at` names, as far as at hand.
    """
    return page("checks.html.jinja", {"name": name, "checks": check_cards(checks, images)})


def pointed_at(checks: dict[str, Any]) -> list[str]:
    """The samples whose pictures the cards show."""
    return list(dict.fromkeys(one for entry in checks.values() for _, names in _strips(entry) for one in names))


def _strips(entry: dict[str, Any]) -> list[tuple[str, list[str]]]:
    strips = list(entry.get("pictures", {}).items())[:MAX_STRIPS]
    return [(caption, list(names)[:MAX_IN_STRIP]) for caption, names in strips]


def check_cards(checks: dict[str, Any], images: dict[str, np.ndarray]) -> list[CheckCard]:
    """Cards in the order of the checks, those that did not pass first."""
    uris = thumbnails({name: images[name] for name in pointed_at(checks) if name in images})
    cards = [_card(f"check-{number}", name, entry, uris) for number, (name, entry) in enumerate(checks.items(), 1)]
    order = {"failed": 0, "warning": 1, "passed": 2}
    return sorted(cards, key=lambda card: order[card.state])


def _card(anchor: str, name: str, entry: dict[str, Any], uris: dict[str, str]) -> CheckCard:
    value, limit = float(entry["value"]), float(entry["limit"])
    end = 1.2 * max(value, limit) or 1.0
    state: State = "passed" if entry["passed"] else "failed" if entry["on_fail"] == "error" else "warning"
    return CheckCard(
        anchor=anchor,
        name=name.replace("_", " "),
        state=state,
        question=entry.get("question", ""),
        value=brief(value),
        limit=brief(limit),
        unit=entry["unit"],
        reached=max(0.0, value / end),
        allowed=max(0.0, limit / end),
        worst=[(offender, brief(figure)) for offender, figure in entry.get("worst", {}).items()],
        advice=entry.get("advice", ""),
        sentence=entry.get("sentence", ""),
        strips=[(caption, [(one, uris.get(one, "")) for one in names]) for caption, names in _strips(entry)],
        table=entry.get("table", []),
    )
