"""Findings in two lines: what was found, and the one thing to do."""

from pathlib import Path

import pytest

from pipeline.core.finding_text import count_states, describe_failure, ways_out, what_to_do
from pipeline.core.results import Finding

PAGE = Path("reports/checks.html")
SHORTCUT = Finding(
    value=0.70928,
    limit=0.65,
    unit="balanced accuracy of one property alone (0.5 is chance)",
    sentence="Noise alone separates functional from the rest. A network may learn that instead.",
    advice="Find out why the property goes with the label; then vary it in training (-S 'augmentation=[blur]').",
)


def test_the_finding_in_a_sentence_with_value_and_limit():
    figures = "(0.7093, at most 0.65 accepted)"
    assert describe_failure(SHORTCUT) == f": Noise alone separates functional from the rest {figures}"


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("", ": 2 things, at most 1 accepted"),
        ("It is 0.5 of 1.", ": It is 0.5 of 1 (2, at most 1 accepted)"),
        ("No full stop", ": No full stop (2, at most 1 accepted)"),
        ("Is it so? Yes.", ": Is it so? Yes (2, at most 1 accepted)"),
    ],
)
def test_sentences(sentence, shown):
    assert describe_failure(Finding(value=2.0, limit=1.0, unit="things", sentence=sentence)) == shown


def test_a_share_is_in_percent():
    finding = Finding(value=0.995, limit=0.05, unit="share of pictures with a fault", sentence="Most have a fault.")
    assert describe_failure(finding) == ": Most have a fault (99.5 %, at most 5 % accepted)"


def test_an_obstacle_takes_the_place_of_value_and_limit():
    blind = Finding(value=0.0, limit=1.0, unit="x", sentence="All is well.", obstacle="Test has one group.")
    assert describe_failure(blind) == " cannot be judged: Test has one group"


def test_what_would_change_an_obstacle_is_the_one_thing_to_do():
    """The advice is for a check that failed: of one that cannot be judged nothing is known to be beyond its limit."""
    blind = Finding(
        value=0.0, limit=1.0, unit="x", advice="Remove it.", obstacle="Test has one group; it is a; add more."
    )
    assert describe_failure(blind) == " cannot be judged: Test has one group; it is a"
    assert what_to_do("x", blind, Path("reports/checks.html")) == "  -> Add more: reports/checks.html#x"


@pytest.mark.parametrize(
    ("advice", "step"),
    [
        ("Do this.", "Do this"),
        ("Do this. Then that.", "Do this"),
        ("Do this; or that.", "Do this"),
        ("Look at these: they may be damaged.", "Look at these"),
        ("Set split.fractions to 0.7.", "Set split.fractions to 0.7"),
        ("", "Look at it"),
    ],
)
def test_the_one_thing_to_do(advice, step):
    finding = Finding(value=2.0, limit=1.0, unit="x", advice=advice)
    assert what_to_do("outliers", finding, PAGE) == f"  -> {step}: reports/checks.html#outliers"


def test_the_two_ways_out():
    assert ways_out("check", "shortcut", SHORTCUT, PAGE) == [
        "  -> Find out why the property goes with the label: reports/checks.html#shortcut",
        "  Then run again. Or train all the same:",
        "  colibri run check.shortcut.on_fail=warn",
    ]


def test_states_are_counted():
    good, bad = Finding(value=0.0, limit=1.0, unit="x"), Finding(value=2.0, limit=1.0, unit="x")
    blind = Finding(value=0.0, limit=1.0, unit="x", obstacle="Test has one group.")
    assert count_states({"a": good, "b": bad, "c": bad, "d": blind}) == "1 passed, 2 warned, 1 cannot be judged"
    known = Finding(value=2.0, limit=1.0, unit="x", note="Each class has one photograph.")
    assert count_states({"a": good, "b": known, "c": bad}) == "1 passed, 1 noted, 1 warned"
    assert count_states({}) == "0 passed"
