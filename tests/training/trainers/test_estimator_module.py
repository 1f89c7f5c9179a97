"""An estimator on frozen features as a module of torch: it scores as the predictor does, and its maps can be made."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from attribute_pictures import LABELS, attribute_labels, attribute_picture
from policy_examples import make_policy
from sklearn.linear_model import LogisticRegression

from pipeline.core.axes import to_tensor
from pipeline.core.batches import ImageDataset
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.attributions.occlusion import Occlusion
from pipeline.evaluation.explanations import Explainer, Options
from pipeline.models.encoders.hog import Hog
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.estimator import EstimatorPredictor, FitEstimator

CHOICES = {"scaling": "standardise", "calibration": "sigmoid", "max_samples": None, "batch_size": 64, "seed": 0}
LIMITS = {"max_predictions": 99, "max_pictures": 8, "per_kind": 2, "num_examples": 9, "num_randomised": 2}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A predictor, and samples that it was not fitted to."""

    predictor: EstimatorPredictor
    test: ImageDataset
    classes: list[str]

    @property
    def pictures(self):
        return self.test.transform(to_tensor(self.test.images))


def fit(encoder, task, train, val):
    trainer = FitEstimator(**CHOICES, estimator=LogisticRegression(C=0.1))
    return trainer.fit(encoder, task, Mean(), train, val, lambda epoch, figures: None)[0]


def attributes(num, seed, task, classes):
    labels = attribute_labels(num, seed)
    generator = np.random.default_rng(seed)
    images = np.stack([attribute_picture(names, generator) for names in labels])[..., None]
    transform = Normalise(image_size=32, mean=[0.0] * 3, std=[1.0] * 3)
    return ImageDataset(images=images, rows=np.arange(num), targets=task.targets(labels, classes), transform=transform)


@pytest.fixture(scope="module")
def cases(stripes):
    """One label on an encoder with weights; several, the first of which no sample has, on one without."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = Small(width=8)
    one = fit(encoder, SingleLabel(label_smoothing=0.0), stripes(96), stripes(48, seed=1))
    task, classes = MultiLabel(), ["absent", *LABELS]
    train, val, test = (attributes(num, seed, task, classes) for seed, num in enumerate((150, 60, 60)))
    several = fit(Hog(image_size=32, cell=8, num_orientations=6), task, train, val)
    return {
        "one": Case(predictor=one, test=stripes(60, seed=2), classes=["across", "along"]),
        "several": Case(predictor=several, test=test, classes=classes),
    }


@pytest.fixture(params=["one", "several"])
def case(request, cases):
    return cases[request.param]


def test_its_probabilities_are_those_of_the_predictor_in_the_order_of_the_classes(case):
    logits = case.predictor.to_module()(case.pictures)
    assert (logits.shape, logits.dtype) == ((60, len(case.classes)), torch.float32)
    probabilities = case.predictor.task.probabilities(logits).numpy()
    np.testing.assert_allclose(probabilities, case.predictor.predict(case.test.images), atol=1e-5)
    right = case.predictor.task.decide(probabilities) == (case.test.targets > 0)
    assert right.mean(axis=0).min() > 0.75  # 0.5 to 0.7 by the commoner side; far less in another order


def test_its_logits_are_calibrated(case):
    features = case.predictor.predict_with_features(case.test.images)[1]
    answers = case.predictor.answers
    plain = answers.logits(features, case.predictor.task.exclusive)
    wanted = plain * answers.slopes + answers.offsets
    assert not np.allclose(plain, wanted)
    np.testing.assert_allclose(case.predictor.to_module()(case.pictures).numpy(), wanted, atol=1e-4)


def test_randomised_it_scores_otherwise_and_the_same_again_for_the_same_seed(case):
    trained = case.predictor.to_module()(case.pictures)
    first, again, other = (case.predictor.randomise(case.pictures, seed)(case.pictures) for seed in (3, 3, 4))
    assert torch.isfinite(first).all()
    assert torch.equal(first, again)
    for one, two in ((first, trained), (first, other)):
        assert (one - two).abs().mean() > 0.1
    assert torch.equal(case.predictor.to_module()(case.pictures), trained)  # the predictor itself stays


def test_its_decisions_are_explained_by_occlusion(case):
    task, number = case.predictor.task, len(case.test.images)
    labels = [[name for name, has in zip(case.classes, row, strict=True) if has] for row in case.test.targets]
    index = pd.DataFrame(
        {
            "sample_id": [f"{row:02d}" for row in range(number)],
            "split": "test",
            "labels": labels,
            "group": [f"group {row // 2}" for row in range(number)],
        }
    )
    explainer = Explainer(
        packed=PackedDataset(case.test.images, index, {"classes": case.classes}),
        predictor=case.predictor,
        policy=make_policy(len(case.classes), exclusive=task.exclusive),
        reference=None,
        transform=case.test.transform,
        attribution=Occlusion(window=0.25, stride=0.25, batch_size=64),
        options=Options(**LIMITS, max_reproduced=0.5, num_resamples=100, seed=0),
    )
    found = explainer(index)
    assert found.note.endswith("decisions on test are explained.")
    assert found.method == "occlusion"
    assert len(found.examples) >= 4
    maps = np.stack([one.maps for one in found.examples]).astype(np.float32)
    assert maps.shape[1:] == (2, *case.pictures.shape[2:])
    assert np.isfinite(maps).all()
    assert np.abs(maps).max(axis=(2, 3)) == pytest.approx(1)  # no map is empty
    assert all(not np.array_equal(trained, randomised) for trained, randomised in maps)
