"""What does not fit together, or is no value at all, ends the first stage in one line."""

import pytest
import yaml

from pipeline.core import config
from pipeline.core.choices import check_choices, refuse_unfit
from pipeline.core.errors import UserError
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy
from pipeline.evaluation.metrics.rate import Rate

BALANCED = "pipeline.evaluation.metrics.balanced_accuracy.BalancedAccuracy"


def test_a_metric_for_one_label_is_refused_where_several_are_allowed():
    metrics = {"accuracy": Accuracy(), "metric.balanced_accuracy": BalancedAccuracy()}
    refuse_unfit(metrics, exclusive=True)
    refuse_unfit({"accuracy": Accuracy(), "recall": Rate(number="recall", averaging="macro")}, exclusive=False)
    with pytest.raises(UserError, match=r"^params\.yaml: metric\.balanced_accuracy is for one label per picture, but"):
        refuse_unfit(metrics, exclusive=False)


@pytest.fixture(scope="module")
def composed():
    return {
        name: config.compose(overrides=[f"experiment={name}"] if name else []) for name in ("", "multi_label", "tanks")
    }


@pytest.fixture
def params(composed):
    return {name: yaml.safe_load(text) for name, text in composed.items()}


def test_what_is_there_fits(params):
    for one in params.values():
        check_choices(one)


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("multi_label", "metric.it", {"_target_": BALANCED}, r"metric\.it is for one label per picture, but this task"),
        ("", "metric.f1.number", "f2", r"metric\.f1\.number must be .*, got 'f2'"),
        ("", "curate.outliers.on_fail", "stop", r"curate\.outliers\.on_fail must be"),
        ("", "check.empty_cell.min_samples", 0, r"check\.empty_cell\.min_samples must be at least 1, got 0"),
        ("", "split.fractions.test", 0.5, r"split: fractions must each be above 0 and sum to 1"),
        (
            "",
            "augment.fit",
            "pad",
            r"augment\.fit pad keeps .* would not see the augment\.margin of 0\.125; set augment\.margin=0, or",
        ),
        ("", "augment.fit", "stretch", r"augment\.fit stretch keeps the whole picture"),
        ("", "augment.image_size", 100, r"augment\.image_size 100 is not the image_size 128; set image_size=100$"),
        ("", "transform.image_size", 100, r"transform\.image_size 100 is not the image_size 128; set image_size=100$"),
        (
            "",
            "embed.transform.image_size",
            32,
            r"embed\.transform\.image_size 32 is not the embed\.image_size 112; set ",
        ),
        ("", "augment", "default", r"^params\.yaml: augment must be a mapping of parameters, found 'default'$"),
        ("", "encoder.image_size", 64, r"encoder\.image_size 64 is not the image_size 128; set image_size=64$"),
        ("multi_label", "augment.margin", 0.1, r"augment\.fit pad keeps the whole picture"),
        ("", "sampling.by", "prop_brightness", r"sampling has no parameter 'by'; it takes none$"),
        ("", "task._target_", "pipeline.training.tasks.none.None", r"task\._target_"),
    ],
)
def test_what_only_a_late_stage_would_refuse_is_refused_first(params, name, key, value, message):
    one = params[name]
    *outer, last = key.split(".")
    inner = one
    for part in outer:
        inner = inner[part]
    inner[last] = value
    with pytest.raises(UserError, match=message):
        check_choices(one)


def test_a_remedy_that_sets_sampling_is_named_with_a_sampling_that_was_chosen_besides():
    chosen = config.compose(overrides=["imbalance=balanced_sampling", "sampling=balanced"])
    with pytest.raises(
        UserError, match=r"imbalance=balanced_sampling sets keys of sampling too: choose one of the two$"
    ):
        check_choices(yaml.safe_load(chosen))
