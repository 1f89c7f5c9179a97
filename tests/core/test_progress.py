"""What runs now: bars on a terminal, nothing in a log."""

import sys

import pytest

from pipeline.core import progress, terminal
from tests.core.test_terminal import HOSTILE, Screen


def show_on(monkeypatch):
    """stderr as a terminal of 80 columns, stdout as a file; bars are redrawn at each unit."""
    screen = Screen()
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(progress, "REDRAW", 0.0)
    return screen


@pytest.fixture(autouse=True)
def stop():
    yield
    progress.stop()


def clean(screen):
    """The rows that were drawn, without what moves the cursor."""
    text = screen.getvalue().replace("\x1b[2K", "").replace("\x1b[1A", "").replace("\r", "\n")
    return [row.strip() for row in text.splitlines() if row.strip()]


def test_a_log_gets_nothing(capsys):
    assert list(progress.track([1, 2, 3], 3, "embed")) == [1, 2, 3]
    with progress.show("curate") as bar:
        assert bar is None
    assert capsys.readouterr() == ("", "")


def test_a_bar_counts_and_is_removed(monkeypatch):
    screen = show_on(monkeypatch)
    assert list(progress.track(iter("abc"), 3, "embed")) == ["a", "b", "c"]
    rows = clean(screen)
    assert rows[0].startswith("embed")
    assert "0/3 pictures" in rows[0]
    assert "3/3 pictures" in rows[-1]
    assert "left 0:00" in rows[-1]
    assert screen.getvalue().endswith("\x1b[2K\r")  # the last row is wiped
    assert not progress._screens


def test_a_bar_that_goes_on_shows_the_whole(monkeypatch):
    screen = show_on(monkeypatch)
    with progress.go_on("predict", 5):
        assert list(progress.track(iter("abc"), 3, "predict")) == ["a", "b", "c"]
        assert list(progress.track("ab", 2, "explain", "batches")) == ["a", "b"]
    list(progress.track("abc", 3, "predict"))
    rows = clean(screen)
    assert "5/8 pictures" in rows[0]
    assert [row for row in rows if "8/8 pictures" in row and "left 0:00" in row]
    assert [row for row in rows if "2/2 batches" in row]
    assert "3/3 pictures" in rows[-1]


@pytest.mark.parametrize("items", [[], [1]])
def test_a_bar_over_hardly_anything_is_not_shown(monkeypatch, items):
    screen = show_on(monkeypatch)
    assert list(progress.track(items, len(items), "curate")) == items
    assert screen.getvalue() == ""


def test_an_unknown_total_is_counted(monkeypatch):
    screen = show_on(monkeypatch)
    list(progress.track("abcd", None, "unpack", "files"))
    assert "4 files" in clean(screen)[-1]


def test_the_cursor_stays_visible(monkeypatch):
    """A process that is killed could not show it again."""
    screen = show_on(monkeypatch)
    list(progress.track("abc", 3, "embed"))
    assert "\x1b[?25" not in screen.getvalue()


def test_the_latest_bar_hides_the_one_around_it(monkeypatch):
    screen = show_on(monkeypatch)
    with progress.show("curate  digits"), progress.show("curate: outliers"):
        pass
    rows = clean(screen)
    assert rows[0] == "curate  digits"
    assert "curate: outliers" in rows
    assert not [row for row in rows if "digits" in row and "outliers" in row]


def test_an_error_has_the_screen_for_itself(monkeypatch):
    screen = show_on(monkeypatch)
    with progress.show("curate"):
        progress.stop()
        assert screen.getvalue().endswith("\x1b[2K")
        with progress.show("another"):  # a bar of before does not touch the screen that follows
            pass
    assert not progress._screens


def test_only_the_first_of_several_processes_shows_bars(monkeypatch):
    screen = show_on(monkeypatch)
    monkeypatch.setenv("RANK", "1")
    list(progress.track("abc", 3, "embed"))
    assert screen.getvalue() == ""


def test_a_log_beside_a_terminal_keeps_its_lines(monkeypatch, capsys):
    """`dvc repro > log`: the bar is on the terminal, and what the stage prints is in the log."""
    show_on(monkeypatch)
    with progress.show("curate"):
        sys.stdout.write("a line\n")
    assert capsys.readouterr().out == "a line\n"


def test_speed_and_time_left(monkeypatch):
    screen = show_on(monkeypatch)
    now = iter([100.0, 100.0, *[110.0] * 20])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    bar = progress.Bar("train", 60, "steps", done=10, holds=(32, "pictures"))
    bar.advance(20)  # 2 steps a second: 30 are left
    assert bar.speed() == pytest.approx(2.0)
    assert bar.seconds_left() == pytest.approx(15.0)
    assert "30/60 steps" in clean(screen)[-1]
    assert "left 0:15" in clean(screen)[-1]
    bar.close()


def test_a_wide_terminal_has_the_speed_in_what_a_unit_holds(monkeypatch):
    screen = show_on(monkeypatch)
    monkeypatch.setenv("COLUMNS", "120")
    with progress.show("train", 60, "steps", holds=(32, "pictures")) as bar:
        bar.advance(20, what="train  epoch 1/3", note="loss 0.684")
    row = clean(screen)[-1]
    assert row.startswith("train  epoch 1/3")
    assert "loss 0.684" in row
    assert "pictures/s" in row


def test_a_line_printed_above_a_bar_is_wrapped_and_coloured_as_ever(monkeypatch):
    screen = show_on(monkeypatch)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr("sys.stdout", screen)
    with progress.show("curate"):
        terminal.say("check: " + "word " * 10 + "end")
    assert "\x1b[1mcheck\x1b[0m: word" in screen.getvalue()
    assert "\x1b[2K  word word word word end\n" in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0:00", "0.0 s"),
        (25.94, "0:26", "25.9 s"),
        (59.97, "1:00", "1 min 00 s"),
        (190, "3:10", "3 min 10 s"),
        (3599.6, "1:00:00", "1 h 00 min"),
        (3790, "1:03:10", "1 h 03 min"),
    ],
)
def test_times(seconds, short, long):
    assert (progress.clock(seconds), progress.duration(seconds)) == (short, long)


@pytest.mark.parametrize(("number", "text"), [(10.94, "10.9"), (99.99, "100.0"), (123.4, "123"), (12345.6, "12,346")])
def test_rates(number, text):
    assert progress.rate(number) == text


def test_no_name_moves_the_cursor(monkeypatch):
    screen = show_on(monkeypatch)
    with progress.show(HOSTILE):
        pass
    assert "rust\\x1b]0;owned" in screen.getvalue()
    assert "\x1b]0" not in screen.getvalue()
