"""What to do next: at most three steps, by fixed rules on the results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.terminal import count_of
from pipeline.evaluation.margin_text import BEYOND
from pipeline.report.formatting import join_some

if TYPE_CHECKING:
    from pipeline.core.estimate import Estimate
    from pipeline.report.checks import CheckCard
    from pipeline.report.confusion import Mixup
    from pipeline.report.headline import Headline
    from pipeline.report.metric_tables import Tables

MOST = 3
WIDE = 0.2  # width of an interval above which a narrower one is worth more than another model
FREQUENT = 0.2  # share of a class that is predicted as one other class
BY_NUMBER = ("rare_class", "label_suspects")  # checks whose matter has a rule of its own


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do, why, and the address of the page or the section to open."""

    what: str
    why: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Results:
    """What the rules look at.

    Attributes:
        cards: Of all checks, with the address of each.
        headline: Of the report.
        tables: Of the report.
        metrics: `reports/test_metrics.json`.
        num_suspects: Labels with which a model disagrees.
        mixup: The most frequent confusion; None where there is none.
        noun: What a sample is called.
    """

    cards: list[tuple[str, CheckCard]]
    headline: Headline
    tables: Tables
    metrics: dict[str, Estimate]
    num_suspects: int
    mixup: Mixup | None
    noun: str = "picture"


def next_steps(results: Results) -> list[Step]:
    """The first three steps that apply, what could make the figures wrong before what could make them better."""
    steps = [step for rule in RULES for step in rule(results)]
    return steps[:MOST] or [
        Step(
            what="Compare other models: colibri leaderboard",
            why="Nothing in the checks or in these results stands out.",
            href=artifacts.INDEX.name,
        )
    ]


def _stopping(results: Results) -> Iterator[Step]:
    for href, card in results.cards:
        if card.stops:
            yield Step(what=f"Repair what “{card.name}” found", why=_finding(card), href=href)


def _warnings(results: Results) -> Iterator[Step]:
    open_ones = [
        (href, card)
        for href, card in results.cards
        if card.state == "warning" and not card.stops and card.name.replace(" ", "_") not in BY_NUMBER
    ]
    if open_ones:
        href, card = open_ones[0]
        names = join_some([one.name for _, one in open_ones])
        count = count_of(len(open_ones), "warning")
        yield Step(what=f"Read the {count} of the checks: {names}", why=f"First: {_finding(card)}", href=href)


def _no_better(results: Results) -> Iterator[Step]:
    margin, guess = results.metrics.get(BEYOND), results.headline.guess
    if margin is not None and margin.low is not None and margin.low <= 0:
        yield Step(
            what=f"Show that the model sees more than properties: test it on {results.noun}s of other groups",
            why="On this test set it is not shown to do better than brightness, size and the like alone.",
            href="#results",
        )
    elif guess is not None and results.headline.leading is not None:
        low = results.headline.leading.low
        if low is not None and low <= guess.value:
            yield Step(
                what=f"Collect more test {results.noun}s, or change the model",
                why=f"It is not shown to do better than always predicting “{guess.label}”.",
                href="#results",
            )


def _suspects(results: Results) -> Iterator[Step]:
    if results.num_suspects:
        yield Step(
            what=f"Look at {count_of(results.num_suspects, 'label suspect')}, and keep, relabel or drop them",
            why=f"A model trained on the other {results.noun}s disagrees with these labels; some may be wrong.",
            href=artifacts.SUSPECTS_PAGE.name,
        )


def _wide(results: Results) -> Iterator[Step]:
    leading = results.headline.leading
    if leading is None or leading.low is None or leading.high is None or leading.high - leading.low <= WIDE:
        return
    points = f"{100 * (leading.high - leading.low):.0f} points"
    if results.headline.few_groups:
        groups = count_of(results.headline.num_groups, "independent group")
        yield Step(
            what=f"Add {results.noun}s of new groups (patients, objects, places), "
            f"not more {results.noun}s of the same ones",
            why=f"The interval is {points} wide, because test has {groups}.",
            href="#results",
        )
    else:
        pictures = count_of(results.headline.num_pictures, results.noun)
        yield Step(
            what=f"Add test {results.noun}s: four times as many halve the interval",
            why=f"The interval is {points} wide, because test has {pictures}.",
            href="#results",
        )


def _few(results: Results) -> Iterator[Step]:
    few = [row for row in results.tables.classes if row.few]
    if few:
        names = join_some([f"{row.name} ({row.n})" for row in few])
        yield Step(
            what=f"Collect more {results.noun}s of {names}",
            why=f"{count_of(len(few), 'class has', 'classes have')} under {results.tables.needed} {results.noun}s in "
            "test.",
            href="#results",
        )


def _mixup(results: Results) -> Iterator[Step]:
    mixup = results.mixup
    if mixup is not None and mixup.count >= FREQUENT * mixup.size:
        yield Step(
            what=f"Look at the {results.noun}s of “{mixup.actual}” that are predicted as “{mixup.decided}”",
            why=f"They are {mixup.count:,} of {mixup.size:,}: the most frequent mistake.",
            href="#mistakes",
        )


def _finding(card: CheckCard) -> str:
    return card.sentence or f"{card.value} {card.unit}, at most {card.limit} accepted."


RULES = (_stopping, _warnings, _no_better, _suspects, _wide, _few, _mixup)
