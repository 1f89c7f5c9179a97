"""A benchmark that cannot have what it was asked for says so in one line."""

import argparse

import pytest

from benchmarks import natural, positive, run_main
from pipeline.core.errors import UserError


def test_counts_and_seeds():
    assert (positive("1"), natural("0"), natural("12")) == (1, 0, 12)
    for text in ("0", "-1", "1.5", "many", ""):
        with pytest.raises(argparse.ArgumentTypeError, match=rf"expected a whole number of at least 1, got '{text}'"):
            positive(text)
    for text in ("-1", "1.5", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match=rf"expected a whole number of at least 0, got '{text}'"):
            natural(text)


def test_a_refusal_is_one_line_and_another_error_is_not_hidden(capsys):
    def refusing():
        raise UserError("no pictures in 'x'")

    def broken():
        raise KeyError("x")

    with pytest.raises(SystemExit, match=r"^1$"):
        run_main(refusing)
    assert capsys.readouterr().err == "no pictures in 'x'\n"
    with pytest.raises(KeyError, match="x"):
        run_main(broken)
    with pytest.raises(SystemExit, match=r"^0$"):
        run_main(lambda: None)


def test_checks_on_few_groups_are_counted():
    from benchmarks import group_power

    assert group_power.states("shortcut", [40] * 3, alike=False, planted=True, runs=2) == "2 / 0"
    assert group_power.states("property_drift", [40] * 3, alike=False, planted=True, runs=2) == "0 / 2"
