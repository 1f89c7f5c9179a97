"""A value of another kind than the hint is named with its key; what no file can hold is the target's own affair."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Interval, Len

from pipeline.core.contracts import Task
from pipeline.core.hints import find_misfits
from pipeline.core.ranges import Fraction, PositiveFloat, PositiveInt, Seed


@dataclass(frozen=True, kw_only=True)
class Choices:
    share: float = 0.5
    count: int = 1
    decisions: bool = True
    name: str = "x"
    limit: float | None = None
    seed: Seed = 0
    chance: Fraction = 0.5
    sigma: Annotated[float, Interval(gt=0, le=0.1)] = 0.1
    gamma: Literal[0] | Annotated[float, Interval(ge=1, le=10)] = 0
    epochs: PositiveInt | None = None
    folds: Annotated[int, Ge(2)] = 2
    scales: Annotated[list[PositiveFloat], Len(3, 3)] | None = None
    delimiter: Annotated[str, Len(1, 1)] | None = None
    parts: dict[str, float] | None = None
    classes: Sequence[str] = ()
    mode: Literal["a", "b"] = "a"
    columns: list[str] | str | None = None
    task: Task | None = None
    other: Any = None
    pair: tuple[int, int] = (0, 0)
    noun: Task = field(default_factory=object)


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
        {"chance": 0},
        {"chance": 1.0},
        {"sigma": 0.1},
        {"gamma": 0.0},
        {"gamma": 1},
        {"epochs": None},
        {"scales": [1, 0.5, 2]},
        {"nobody": "knows"},
        {"limit": float("inf")},  # no limit
        {"other": float("inf")},
    ],
)
def test_what_fits(fitting):
    assert list(find_misfits(Choices, fitting)) == []


@pytest.mark.parametrize(
    ("argument", "misfit"),
    [
        ({"share": "0.5"}, "share must be a valid number, got '0.5'"),
        ({"share": float("nan")}, "share must be a finite number, got nan"),
        ({"share": True}, "share must be a valid number, got True"),
        ({"share": None}, "share must be a valid number, got None"),
        ({"count": 1.5}, "count must be a valid integer, got 1.5"),
        ({"decisions": "off"}, "decisions must be a valid boolean, got 'off'"),
        ({"decisions": 1}, "decisions must be a valid boolean, got 1"),
        ({"name": 7}, "name must be a valid string, got 7"),
        ({"limit": "none"}, "limit must be null or a valid number, got 'none'"),
        ({"parts": [1]}, "parts must be null or an object, got [1]"),
        ({"parts": {"a": "x"}}, "parts.a must be a valid number, got {'a': 'x'}"),
        ({"classes": "abc"}, "classes must be a valid array, got 'abc'"),
        ({"classes": ["a", 7]}, "classes.1 must be a valid string, got ['a', 7]"),
        ({"classes": [1, 2]}, "classes.0 must be a valid string, got [1, 2]"),
        (
            {"parts": {"a": 1.0, "b": "x", "c": "y"}},
            "parts.b must be a valid number, got {'a': 1.0, 'b': 'x', 'c': 'y'}",
        ),
        ({"columns": 7}, "columns must be null or a valid array or a valid string, got 7"),
        ({"mode": "c"}, "mode must be 'a' or 'b', got 'c'"),
        ({"other": float("nan")}, "other must be a finite number, got nan"),
        ({"nobody": [1, {"a": float("nan")}]}, "nobody must be a finite number, got [1, {'a': nan}]"),
        ({"pair": [1]}, "pair.1 must be valid (Field required), got [1]"),
        ({"noun": "accuracy"}, "noun must be a mapping with _target_, got 'accuracy'"),
        ({"noun": None}, "noun must be a mapping with _target_, got None"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"chance": 1.5}, "chance must be 0 to 1, got 1.5"),
        ({"chance": float("-inf")}, "chance must be 0 to 1, got -inf"),
        ({"sigma": 0}, "sigma must be above 0 and at most 0.1, got 0"),
        ({"sigma": 2}, "sigma must be above 0 and at most 0.1, got 2"),
        ({"sigma": "2"}, "sigma must be a valid number, got '2'"),
        ({"gamma": 0.5}, "gamma must be 0 or 1 to 10, got 0.5"),
        ({"epochs": 0}, "epochs must be null or at least 1, got 0"),
        ({"folds": 1}, "folds must be at least 2, got 1"),
        ({"scales": [1, 0, 2]}, "scales.1 must be above 0, got [1, 0, 2]"),
        ({"scales": [1, 2]}, "scales must be null or have at least 3 items, got [1, 2]"),
        ({"delimiter": ";;"}, "delimiter must be null or have at most 1 character, got ';;'"),
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
