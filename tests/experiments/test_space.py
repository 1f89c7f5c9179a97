"""Ranges of a search and the parameters they are set in."""

import pytest
from file_options import from_file

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.experiments.space import Pruning, Range, Search, with_values

NODES = {"train": {"_target_": "x", "estimator": {"C": 1.0}, "epochs": 2}}


def test_a_value_is_set_where_its_dotted_name_says_and_nothing_else_changes():
    assert with_values(NODES, {"train.estimator.C": 3.0})["train"] == {
        "_target_": "x",
        "estimator": {"C": 3.0},
        "epochs": 2,
    }
    assert NODES["train"]["estimator"]["C"] == 1.0


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("train.epoch", r"training reads no parameter 'train\.epoch'; there is estimator, epochs$"),
        ("augment.margin", r"training reads no parameter 'augment\.margin'; there is train$"),
        ("train", r"training reads no parameter 'train'"),
        ("train.estimator.C.x", r"training reads no parameter 'train\.estimator\.C\.x'"),
    ],
)
def test_a_name_that_training_does_not_read_is_refused(key, expected):
    with pytest.raises(UserError, match=expected):
        with_values(NODES, {key: 1})


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({}, "either choices, or low and high"),
        ({"low": 1, "high": 2, "choices": [3]}, "either choices, or low and high"),
        ({"low": 1}, "low must be below high, got 1 and None"),
        ({"low": 2, "high": 2}, "low must be below high, got 2 and 2"),
        ({"low": 0.0, "high": 1.0, "log": True}, r"low must be above 0 where log is true, got 0\.0"),
        ({"lowest": 0.0}, "has no parameter 'lowest'; it takes low, high, log, choices"),
    ],
)
def test_a_wrong_range_is_named(node, expected):
    with pytest.raises(UserError, match=f"tune.space.x.*{expected}"):
        config.instantiate(Range, node, "tune.space.x")


def test_a_wrong_search_is_named():
    told = {"experiment": None, "trials": 1, "random_trials": 1, "figure": "val_loss", "direction": "minimize"}
    told |= {"expect": "accuracy", "pruning": None, "seed": 0, "space": {"x": Range(low=0, high=1)}}
    Search(**told)
    for key, value, expected in (
        ("trials", 0, "trials must be at least 1, got 0"),
        ("direction", "up", "direction must be 'minimize' or 'maximize', got 'up'"),
        ("space", {}, "space must have at least 1 item, got {}"),
    ):
        with pytest.raises(ValueError, match=expected):
            from_file(Search, **{**told, key: value})
    with pytest.raises(ValueError, match="startup_trials must be at least 1, got 0"):
        from_file(Pruning, startup_trials=0, warmup_epochs=1)
