"""The section on the checks: one card each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pipeline.report.wording import brief

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


def check_cards(checks: dict[str, Any]) -> list[CheckCard]:
    """Cards in the order of `reports/checks.json`, those that did not pass first."""
    cards = [_card(f"check-{number}", name, entry) for number, (name, entry) in enumerate(checks.items(), 1)]
    order = {"failed": 0, "warning": 1, "passed": 2}
    return sorted(cards, key=lambda card: order[card.state])


def _card(anchor: str, name: str, entry: dict[str, Any]) -> CheckCard:
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
    )
