"""Sweeps of a search, and the parameters that they change."""

import pytest
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.experiments.space import Search, as_overrides, get_value, make_distributions

NODES = {"train": {"_target_": "x", "estimator": {"C": 1.0}, "epochs": 2}}


def test_a_value_is_found_by_its_dotted_name():
    assert get_value(NODES, "train.estimator.C") == 1.0
    assert get_value(NODES, "train.epochs") == 2
    assert get_value(NODES, "train") is NODES["train"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("train.epoch", r"training reads no parameter 'train\.epoch'; expected one of estimator, epochs$"),
        ("augment.margin", r"training reads no parameter 'augment\.margin'; expected one of train$"),
        ("train.estimator.C.x", r"training reads no parameter 'train\.estimator\.C\.x'"),
    ],
)
def test_a_name_that_training_does_not_read_is_refused(key, expected):
    with pytest.raises(UserError, match=expected):
        get_value(NODES, key)


def test_each_sweep_is_drawn_from_what_optuna_has_for_it():
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found = make_distributions(
        {
            "rate": "tag(log, interval(1e-4, 1e-2))",
            "dropout": "interval(0, 1)",
            "width": "tag(log, int(interval(1, 9)))",
            "layers": "range(1, 10, 2)",
            "many": "range(0, 1000000000000)",
            "share": "range(0, 1, 0.3)",
            "decay": "null, 0.98",
            "encoder": "choice(small, hog)",
        }
    )
    assert found == {
        "rate": FloatDistribution(1e-4, 1e-2, log=True),
        "dropout": FloatDistribution(0.0, 1.0),
        "width": IntDistribution(1, 9, log=True),
        "layers": IntDistribution(1, 9, step=2),
        "many": IntDistribution(0, 10**12 - 1),
        "share": FloatDistribution(0.0, 0.9, step=0.3),
        "decay": CategoricalDistribution(("null", "0.98")),
        "encoder": CategoricalDistribution(("small", "hog")),
    }


def test_values_are_written_as_the_command_line_takes_them():
    assert as_overrides({"train.ema_decay": "null", "train.epochs": 3}) == ["train.ema_decay=null", "train.epochs=3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval(0", r"'interval\(0' is no sweep of Hydra \(.*\); expected choice\(a, b\)"),
        ("0.5", r"'0\.5' is one value; expected choice\(a, b\), interval\(0, 1\) or range\(1, 5\)"),
        (
            "interval(2, 1)",
            r"'interval\(2, 1\)': expected two finite numbers, the smaller one first, got 2\.0 and 1\.0$",
        ),
        ("interval(1, 1)", r".*: expected two finite numbers, the smaller one first"),
        ("interval(nan, 1)", r".*: expected two finite numbers, the smaller one first, got nan and 1\.0$"),
        ("interval(0, inf)", r".*: expected two finite numbers, the smaller one first, got 0\.0 and inf$"),
        ("range(5, 1)", r".*: expected finite numbers, start below stop and step above 0, got 5, 1 and 1$"),
        ("range(0, 5, -1)", r".*: expected finite numbers, start below stop and step above 0, got 0, 5 and -1$"),
        ("range(1, 2, 0)", r".*: expected finite numbers, start below stop and step above 0, got 1, 2 and 0$"),
        ("range(0, inf)", r".*: expected finite numbers, start below stop and step above 0, got 0, inf and 1$"),
        ("glob(*)", r"'glob\(\*\)' names no values; expected choice\(a, b\)"),
        ("shuffle(choice(1, 2))", r"'shuffle\(choice\(1, 2\)\)' has another order each time; write it without"),
        ("shuffle(range(1, 5))", r"'shuffle\(range\(1, 5\)\)' has another order each time; write it without"),
        ("tag(log, interval(0, 1))", r"'tag\(log, interval\(0, 1\)\)': .*low.*0"),
    ],
)
def test_a_wrong_sweep_is_named(text, expected):
    with pytest.raises(UserError, match=rf"^tune\.space\.x: {expected}"):
        make_distributions({"x": text})


def test_a_wrong_search_is_named():
    values = {"experiment": None, "trials": 1, "random_trials": 1, "figure": "val_loss", "direction": "minimize"}
    values |= {"expect": "accuracy", "pruning": None, "seed": 0, "space": {"x": "interval(0, 1)"}}
    Search(**values)
    for key, value, expected in (
        ("trials", 0, "trials must be at least 1, got 0"),
        ("direction", "up", "direction must be 'minimize' or 'maximize', got 'up'"),
        ("space", {}, "space must have at least 1 item, got {}"),
    ):
        with pytest.raises(ValueError, match=expected):
            from_file(Search, **{**values, key: value})
