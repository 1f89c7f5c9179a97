"""A value of another kind than the hint is named with its key; what no file can hold is the target's own affair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from pipeline.core.contracts import Task
from pipeline.core.hints import find_misfits


@dataclass(frozen=True, kw_only=True)
class Choices:
    share: float = 0.5
    count: int = 1
    decisions: bool = True
    name: str = "x"
    limit: float | None = None
    seed: int = 0
    parts: dict[str, float] | None = None
    classes: Sequence[str] = ()
    mode: Literal["a", "b"] = "a"
    columns: list[str] | str | None = None
    task: Task | None = None
    other: Any = None


@pytest.mark.parametrize(
    "fitting",
    [
        {"share": 1},  # YAML writes a whole number without its point
        {"limit": None},
        {"limit": 2},
        {"classes": ["a"]},
        {"parts": {"a": 1.0}},
        {"columns": ["a"]},
        {"task": "of another kind"},
        {"other": object()},
        {"seed": 0},
        {"nobody": "knows"},
    ],
)
def test_what_fits(fitting):
    assert list(find_misfits(Choices, fitting)) == []


@pytest.mark.parametrize(
    ("argument", "misfit"),
    [
        ({"share": "0.5"}, "share must be a valid number, got '0.5'"),
        ({"share": float("nan")}, "share must be a number, got nan"),
        ({"share": True}, "share must be a valid number, got True"),
        ({"share": None}, "share must be a valid number, got None"),
        ({"count": 1.5}, "count must be a valid integer, got 1.5"),
        ({"decisions": "off"}, "decisions must be a valid boolean, got 'off'"),
        ({"decisions": 1}, "decisions must be a valid boolean, got 1"),
        ({"name": 7}, "name must be a valid string, got 7"),
        ({"limit": "none"}, "limit must be a valid number, got 'none'"),
        ({"parts": [1]}, "parts must be an object, got [1]"),
        ({"parts": {"a": "x"}}, "parts.a must be a valid number, got {'a': 'x'}"),
        ({"classes": "abc"}, "classes must be a valid array, got 'abc'"),
        ({"classes": ["a", 7]}, "classes.1 must be a valid string, got ['a', 7]"),
        ({"classes": [1, 2]}, "classes.0 must be a valid string, got [1, 2]"),
        (
            {"parts": {"a": 1.0, "b": "x", "c": "y"}},
            "parts.b must be a valid number, got {'a': 1.0, 'b': 'x', 'c': 'y'}",
        ),
        ({"columns": 7}, "columns must be a valid array or a valid string, got 7"),
        ({"mode": "c"}, "mode must be 'a' or 'b', got 'c'"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_what_does_not(argument, misfit):
    assert list(find_misfits(Choices, argument)) == [misfit]


def test_each_is_named_in_the_order_given():
    found = list(find_misfits(Choices, {"name": 1, "share": "x", "seed": -2}))
    assert [one.partition(" ")[0] for one in found] == ["name", "share", "seed"]


def test_a_plain_class_is_judged_by_its_constructor_and_a_function_by_itself():
    class Plain:
        def __init__(self, size: int):
            self.size = size

    def made(size: int) -> None: ...

    for target in (Plain, made):
        assert list(find_misfits(target, {"size": "large"})) == ["size must be a valid integer, got 'large'"]


def test_hints_that_cannot_be_read_judge_nothing():
    def made(size: "Unknown") -> None: ...  # noqa: F821

    assert list(find_misfits(made, {"size": "large"})) == []
    assert list(find_misfits(dict, {"size": "large"})) == []
