"""Text fit for a terminal."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import check_runner
from pipeline.core import stage_runner, terminal
from pipeline.core.errors import UserError
from pipeline.core.results import Finding
from pipeline.core.terminal import bar_chart, escape_control_characters, truncate

HOSTILE = "rust\x1b]0;owned\x07\x1b[2J\u202e\r\n"


@given(st.text())
def test_nothing_moves_the_cursor_or_turns_the_direction(text):
    shown = escape_control_characters(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_by_hand():
    assert escape_control_characters("a\x1b[31m\nb\udce9\u202e é") == "a\\x1b[31m\\nb\\udce9\\u202e é"
    assert truncate("abcdefgh", 6) == "abc..."
    assert truncate("abcdef", 6) == "abcdef"


def harmless(text):
    return all(line.isprintable() for line in text.splitlines()) and "\r" not in text


def test_what_is_said_and_warned_obeys_nobody(capsys):
    terminal.say(HOSTILE, "plain")
    terminal.warn(HOSTILE)
    out, err = capsys.readouterr()
    assert out == "rust\\x1b]0;owned\\x07\\x1b[2J\\u202e\\r\\n\nplain\n"
    assert err == out.removesuffix("plain\n")


def test_nothing_that_is_said_holds_a_password(capsys):
    """Also the traceback of a library that names the address it was given."""
    address = "http://ann:hunter2@host/x?token=hunter2"
    terminal.say(f"fetching {address}")
    terminal.warn(f"no answer from {address}")
    try:
        raise ConnectionError(address)
    except ConnectionError as error:
        terminal.show_error(type(error), error, error.__traceback__)
    out, err = capsys.readouterr()
    assert out == "fetching http://***@host/x?token=***\n"
    assert err.splitlines()[-1] == "ConnectionError: http://***@host/x?token=***"
    assert "hunter2" not in err


def test_a_closed_terminal_is_no_reason_to_stop(monkeypatch):
    class Closed:
        def write(self, text):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("sys.stderr", Closed())
    terminal.warn("line")


@dataclass
class Warns:
    on_fail: str = "warn"


def test_class_names_in_warnings_of_checks(capsys):
    finding = Finding(value=2.0, limit=1.0, unit="times", worst={HOSTILE: 3}, advice="Look.", sentence="x.")
    check_runner.report_failures("check", Path("reports/checks.html"), {"size": Warns()}, {"size": finding})
    err = capsys.readouterr().err
    assert "rust\\x1b]0;owned" in err
    assert harmless(err)
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [UserError(HOSTILE), ValueError(HOSTILE)])
def test_names_in_errors(error, capsys, monkeypatch):
    def main():
        raise error

    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    with pytest.raises((SystemExit, ValueError)) as caught:
        stage_runner.run("check", main)
    if caught.type is ValueError:  # a fault of ours, which keeps its traceback
        sys.excepthook(caught.type, caught.value, caught.tb)
    err = capsys.readouterr().err
    assert "rust\\x1b]0;owned" in err
    assert harmless(err)


def test_bars_are_relative_to_the_longest():
    assert bar_chart({"cat": 1000, "do": 250, "x": 0}) == [
        "cat     1,000 " + "#" * 40,
        "do        250 " + "#" * 10,
        "x           0",
    ]
    assert bar_chart({}) == []


def test_the_middle_of_many_is_left_out():
    lines = bar_chart({str(number): 100 - number for number in range(10)}, first=2, last=1)
    assert [line.split()[0] for line in lines] == ["0", "1", "...", "9"]
    assert lines[2] == "... 7 more ..."
    assert (
        len(bar_chart({"a": 1, "b": 1, "c": 1, "d": 1}, first=2, last=1)) == 4
    )  # one line for one line would save nothing
