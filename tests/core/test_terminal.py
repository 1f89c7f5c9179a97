"""Text fit for a terminal."""

import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import check_runner
from pipeline.commands.serve import usage
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


@pytest.mark.parametrize("variables", [{"DVC_STAGE": "train"}, {}])
def test_a_stage_goes_on_where_nobody_reads_what_it_says(variables):
    """As when `colibri retrain` is killed while DVC runs; a command of a person ends, as before `head`."""
    lines = "from pipeline.core.terminal import say, warn; warn('a'); say('b'); say('c'); warn('d')"
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, **variables}
    done = subprocess.run([sys.executable, "-c", lines], stdout=writing, stderr=writing, env=environment, check=False)
    os.close(writing)
    assert (done.returncode == 0) is bool(variables)


@dataclass
class Warns:
    on_fail: str = "warn"


def test_class_names_in_warnings_of_checks(capsys):
    finding = Finding(value=2.0, limit=1.0, unit="times", advice="Look.", sentence=f"{HOSTILE} is large.")
    check_runner.report_failures("check", Path("reports/checks.html"), {"size": Warns()}, {"size": finding})
    err = capsys.readouterr().err
    assert "rust\\x1b]0;owned" in err
    assert harmless(err)
    assert err.count("\n") == 2


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


class Screen(io.StringIO):
    """A terminal in memory."""

    def isatty(self):
        return True


def show_on(monkeypatch):
    """stdout and stderr as one terminal of 40 columns with 16 colours."""
    screen = Screen()
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("sys.stderr", screen)
    return screen


LONG = "check: warning, shortcut: Brightness alone separates the classes (0.71, at most 0.65 accepted)"


def test_a_terminal_wraps_at_blanks_with_an_indent_and_colours_the_beginning(monkeypatch):
    screen = show_on(monkeypatch)
    terminal.warn(LONG)
    assert screen.getvalue().splitlines() == [
        "\x1b[33mcheck: warning, shortcut\x1b[0m: Brightness",
        "  alone separates the classes (0.71, at",
        "  most 0.65 accepted)",
    ]


@pytest.mark.parametrize(
    ("printer", "code"),
    [(terminal.say, "1"), (terminal.warn, "33"), (terminal.fail, "1;31")],
    ids=["say", "warn", "fail"],
)
def test_each_kind_of_line_has_its_colour(monkeypatch, printer, code):
    screen = show_on(monkeypatch)
    printer("train: done")
    assert screen.getvalue() == f"\x1b[{code}mtrain\x1b[0m: done\n"


@pytest.mark.parametrize("line", ["  indented: text", "no head at all", "/a/path/to/x:y", ""])
def test_other_lines_keep_their_colour(monkeypatch, line):
    screen = show_on(monkeypatch)
    terminal.say(line)
    assert screen.getvalue() == f"{line}\n"


def test_a_note_is_not_coloured(monkeypatch):
    screen = show_on(monkeypatch)
    terminal.note("x: text")
    assert screen.getvalue() == "x: text\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "unknown")])
def test_no_colour_where_it_is_not_wanted(monkeypatch, name, value):
    screen = show_on(monkeypatch)
    monkeypatch.setenv(name, value)
    terminal.warn(LONG)
    assert "\x1b" not in screen.getvalue()
    assert screen.getvalue().split() == LONG.split()


def test_a_log_has_one_line_without_colour_unless_it_is_forced(monkeypatch, capsys):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    terminal.warn(LONG)
    assert capsys.readouterr().err == f"{LONG}\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal.warn(LONG)
    assert capsys.readouterr().err == f"\x1b[33m{LONG[:24]}\x1b[0m{LONG[24:]}\n"
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.warn(LONG)
    assert capsys.readouterr().err == f"{LONG}\n"


def test_an_address_that_is_longer_than_the_terminal_keeps_a_row_of_its_own(monkeypatch):
    screen = show_on(monkeypatch)
    address = "reports/a_folder_with_a_long_name/checks.html#shortcut"
    terminal.say(f"Open {address} now")
    assert screen.getvalue() == f"Open\n  {address}\n  now\n"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.integers(1, 200))
def test_wrapping_loses_no_character_but_blanks(text, columns):
    with pytest.MonkeyPatch.context() as patch:
        screen = Screen()
        patch.setattr("sys.stdout", screen)
        for name, value in {"TERM": "xterm", "COLUMNS": str(columns), "NO_COLOR": "1"}.items():
            patch.setenv(name, value)
        terminal.say(text)
    assert re.sub(r"\s", "", screen.getvalue()) == re.sub(r"\s", "", escape_control_characters(text))


@pytest.mark.parametrize(("number", "text"), [(0, "0 classes"), (1, "1 class"), (1234, "1,234 classes")])
def test_plurals(number, text):
    assert terminal.count_of(number, "class", "classes") == text
    assert terminal.count_of(number, "picture").startswith(f"{number:,} picture")


@pytest.mark.parametrize(
    "line",
    [
        "  dvc exp run -S source=clothing -S split=given -S validate.min_samples=10",
        usage("127.0.0.1", 5001)[1],
    ],
)
def test_a_command_is_copied_so_it_is_never_wrapped(monkeypatch, line):
    screen = show_on(monkeypatch)
    terminal.say(line)
    assert screen.getvalue() == f"{line}\n"


@pytest.mark.parametrize("time", ["0.9 s", "2 min 48 s", "3 h", "50 %"])
def test_a_number_stays_with_its_unit(monkeypatch, time):
    screen = show_on(monkeypatch)
    terminal.say(f"{'x' * (40 - len(time))} {time} and more")
    assert screen.getvalue() == f"{'x' * (40 - len(time))}\n  {time} and more\n"


def test_bars_fit_a_narrow_terminal(monkeypatch):
    show_on(monkeypatch)
    rows = bar_chart({"a_long_name_of_a_class": 1000, "b": 250})
    assert rows == [f"a_long_name_of_a_class     1,000 {'#' * 8}", f"b{' ' * 28}250 ##"]
