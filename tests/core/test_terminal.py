"""Text fit for a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.terminal import bars, short, visible


@given(st.text())
def test_nothing_moves_the_cursor_or_turns_the_direction(text):
    shown = visible(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_by_hand():
    assert visible("a\x1b[31m\nb\udce9\u202e é") == "a\\x1b[31m\\nb\\udce9\\u202e é"
    assert short("abcdefgh", 6) == "abc..."
    assert short("abcdef", 6) == "abcdef"


def test_bars_are_relative_to_the_longest():
    assert bars({"cat": 1000, "do": 250, "x": 0}) == [
        "cat     1,000 " + "#" * 40,
        "do        250 " + "#" * 10,
        "x           0",
    ]
    assert bars({}) == []


def test_the_middle_of_many_is_left_out():
    lines = bars({str(number): 100 - number for number in range(10)}, first=2, last=1)
    assert [line.split()[0] for line in lines] == ["0", "1", "...", "9"]
    assert lines[2] == "... 7 more ..."
    assert len(bars({"a": 1, "b": 1, "c": 1, "d": 1}, first=2, last=1)) == 4  # one line for one line would save nothing
