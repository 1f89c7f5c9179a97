"""The forest on the properties learns what is told, not what is shown, and comes back unchanged."""

import numpy as np
import pandas as pd
import pytest
from file_options import from_file

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.evaluation.property_forest import PropertyBinner, make_forest, property_bins
from pipeline.models.encoders.constant import Constant
from pipeline.training.model_card import CARD, load_predictor
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.property_forest import FitPropertyForest

ONE = SingleLabel(label_smoothing=0.0)
MANY = MultiLabel(class_weights="balanced")
CHOICES = {"num_trees": 20, "calibration": "none", "seed": 0}


def told(truth, seed=0):
    """Brightness tells the class but for some overlap, the site does not."""
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "sample_id": [f"s{one}" for one in range(len(truth))],
            "labels": [["ab"[one]] for one in truth],
            "prop_brightness": truth + generator.normal(0, 0.4, len(truth)),
            "attr_site": generator.choice(["x", "y"], len(truth)),
            "attr_of_label_sure": truth * 1.0,
        }
    )


@pytest.fixture
def samples(stripes):
    def build(num, seed=0, **changes):
        return stripes(num, seed, **{"metadata": told(np.arange(num) % 2, seed), **changes})

    return build


def fit(train, val, task=ONE, **choices):
    return FitPropertyForest(**{**CHOICES, **choices}).fit(
        Constant(), task, Mean(), train, val, lambda epoch, figures: None
    )


def test_it_learns_what_is_told_and_looks_at_no_picture(samples):
    predictor, history = fit(samples(120), samples(40, 1))
    test = samples(100, 2)
    scores = predictor.with_metadata(test.metadata).predict(np.zeros_like(test.images))
    right = ONE.decide(scores) == (test.targets > 0)
    assert 0.75 < right.all(axis=1).mean() < 0.99  # the best there is decides at 0.5 and is right in 89 of 100
    assert list(history[0]) == ["epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro"]


def test_it_is_the_forest_of_the_check(samples):
    train, test = samples(120), samples(50, 2)
    predictor, _ = fit(train, samples(40, 1))
    both = pd.concat([train.metadata, test.metadata], ignore_index=True)
    assert both.columns.tolist() == train.metadata.columns.tolist()
    plain = make_forest(20, 0).fit(property_bins(train.metadata), train.targets.argmax(axis=1))
    expected = plain.predict(PropertyBinner.fit(train.metadata)(test.metadata))
    decided = ONE.decide(predictor.with_metadata(test.metadata).predict(test.images)).argmax(axis=1)
    np.testing.assert_array_equal(decided, expected)


def test_what_is_told_of_the_label_itself_is_not_asked(samples):
    assert set(PropertyBinner.fit(samples(20).metadata).ordered) == {"prop_brightness"}
    assert set(PropertyBinner.fit(samples(20).metadata).named) == {"attr_site"}


def test_labels_that_come_together(samples):
    def several(num, seed):
        plain = samples(num, seed)
        site = (plain.metadata["attr_site"] == "x").to_numpy()
        return samples(num, seed, targets=np.c_[plain.targets[:, 1], site].astype(np.float32))

    predictor, _ = fit(several(120, 0), several(60, 1), MANY)
    test = several(80, 2)
    right = predictor.task.decide(predictor.with_metadata(test.metadata).predict(test.images)) == (test.targets > 0)
    assert right[:, 0].mean() > 0.75
    assert right[:, 1].mean() == 1


def test_saved_and_loaded_it_is_exactly_the_same(samples, tmp_path):
    predictor, _ = fit(samples(60), samples(30, 1))
    artifacts.write_json(tmp_path / CARD, {**predictor.save(tmp_path), "classes": ["a", "b"]})
    after, _ = load_predictor(tmp_path)
    test = samples(40, 2)
    np.testing.assert_array_equal(
        after.with_metadata(test.metadata).predict(test.images),
        predictor.with_metadata(test.metadata).predict(test.images),
    )
    assert sorted(one.name for one in tmp_path.iterdir()) == [CARD, "estimator.skops"]


def test_it_cannot_be_served(samples):
    predictor, _ = fit(samples(60), samples(30, 1))
    with pytest.raises(
        UserError, match=r"^this model reads properties and attributes of pictures .* and cannot be served$"
    ):
        predictor.predict(samples(3).images)
    with pytest.raises(
        ValueError, match=r"^with_metadata got 3 rows, predict got 2 pictures; give a row for each picture$"
    ):
        predictor.with_metadata(samples(3).metadata).predict(samples(2).images)
    with pytest.raises(
        UserError, match=r"^the forest on the properties needs the column 'prop_brightness', which the samples"
    ):
        predictor.with_metadata(samples(3).metadata.drop(columns="prop_brightness")).predict(samples(3).images)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"num_trees": 0}, r"^num_trees must be at least 1, got 0$"),
        ({"calibration": "isotonic"}, r"^calibration must be 'none', .*, got 'isotonic'$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(FitPropertyForest, **{**CHOICES, **choices})


def test_a_class_that_train_lacks(samples):
    with pytest.raises(UserError, match=r"^train has no sample of class 1 of 2 \(in alphabetical order\)"):
        fit(samples(20, targets=np.tile([0, 1], (20, 1)).astype(np.float32)), samples(5, 1))
    with pytest.raises(UserError, match=r"^the forest on the properties minimises a loss of its own; set risk=mean"):
        fit(samples(20, subgroups=np.arange(20) % 2), samples(5, 1))
