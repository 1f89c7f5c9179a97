"""An estimator on frozen features learns, is calibrated, comes back unchanged, and says what is wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from attribute_pictures import LABELS, attribute_labels, attribute_picture
from file_options import from_file
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from pipeline.core import artifacts, config
from pipeline.core.batches import ImageDataset
from pipeline.core.errors import UserError
from pipeline.features.extractor import FrozenEncoder
from pipeline.models.encoders.hog import Hog
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.model_card import CARD, load_predictor
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers import estimator as module
from pipeline.training.trainers.estimator import EstimatorPredictor, FitEstimator, features
from pipeline.training.trainers.estimator_scores import fit_scaling

ONE = SingleLabel(label_smoothing=0.0)
MANY = MultiLabel(class_weights="balanced")
HOG = {"_target_": "pipeline.models.encoders.hog.Hog", "image_size": 16, "cell": 4, "num_orientations": 6}
CHOICES = {"scaling": "standardise", "calibration": "sigmoid", "max_samples": None, "batch_size": 32, "seed": 0}
ESTIMATORS = {
    "svm": SVC(),
    "knn": KNeighborsClassifier(5, algorithm="brute"),
    "tree": DecisionTreeClassifier(max_depth=4, min_samples_leaf=5),
    "forest": RandomForestClassifier(20, n_jobs=2),
    "weighing forest": RandomForestClassifier(20, class_weight="balanced"),
    "logistic": LogisticRegression(C=0.1),
}


def silent(epoch, figures):
    pass


@pytest.fixture
def fit(stripes):
    def build(estimator="svm", train=None, val=None, task=ONE, encoder=None, log=silent, **choices):
        estimator = ESTIMATORS.get(estimator, estimator) if isinstance(estimator, str) else estimator
        trainer = FitEstimator(**{**CHOICES, "estimator": estimator, **choices})
        encoder = encoder or config.build(HOG, "encoder")
        return trainer.fit(encoder, task, Mean(), train or stripes(96), val or stripes(64, seed=1), log)

    return build


def attributes(num, seed, encoder_size=32):
    labels = attribute_labels(num, seed)
    generator = np.random.default_rng(seed)
    images = np.stack([attribute_picture(names, generator) for names in labels])[..., None]
    transform = Normalise(image_size=encoder_size, mean=[0.0] * 3, std=[1.0] * 3)
    return ImageDataset(images=images, rows=np.arange(num), targets=MANY.targets(labels, LABELS), transform=transform)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_learns_one_label(fit, stripes, name):
    predictor, history = fit(name)
    test = stripes(60, seed=2)
    scores = predictor.predict(test.images)
    assert scores.shape == (60, 2)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    right = ONE.decide(scores) == (test.targets > 0)
    assert right.all(axis=1).mean() > 0.85  # chance is 0.5, three standard deviations of 60 samples are 0.2
    (row,) = history
    assert list(row) == ["epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro"]
    known = stripes(96)
    assert row["train_loss"] == pytest.approx(ONE.log_loss(known.targets, predictor.predict(known.images)), rel=1e-4)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_learns_labels_that_have_nothing_to_do_with_each_other(fit, name):
    encoder = Hog(image_size=32, cell=8, num_orientations=6)
    predictor, _ = fit(name, attributes(200, 0), attributes(80, 1), MANY, encoder)
    test = attributes(100, 2)
    scores = predictor.predict(test.images)
    assert scores.min() >= 0
    assert scores.max() <= 1
    right = predictor.task.decide(scores) == (test.targets > 0)
    # always answering the commoner side gets 70 % of the discs and 50 % of the stripes
    assert right[:, 1].mean() > 0.8
    assert MANY.log_loss(test.targets, scores) < MANY.log_loss(test.targets, np.tile([0.3, 0.5], (100, 1))) - 0.1
    assert predictor.task.thresholds is not None


@pytest.mark.parametrize(("name", "share"), [("svm", 0.0), ("tree", 0.2), ("knn", 0.2), ("forest", 0.0)])
def test_calibration_lowers_the_loss_on_others(fit, stripes, name, share):
    """Where some labels are wrong, trees and neighbours are too sure; where none is, margins are not sure enough."""

    def doubtful(num, seed):
        samples = stripes(num, seed=seed)
        flipped = np.random.default_rng(seed).random(num) < share
        return replace(samples, targets=np.where(flipped[:, None], samples.targets[:, ::-1], samples.targets))

    choices = {"train": doubtful(200, 0), "val": doubtful(150, 1)}
    test = doubtful(300, 2)
    plain = fit(name, calibration="none", **choices)[0].predict(test.images)
    warm = fit(name, calibration="temperature", **choices)[0].predict(test.images)
    both = fit(name, **choices)[0].predict(test.images)
    losses = [ONE.log_loss(test.targets, scores) for scores in (plain, warm, both)]
    assert losses[2] < losses[0] - 0.01
    assert losses[1] < losses[0] - 0.01
    assert losses[2] < np.log(2) - 0.05
    assert (ONE.decide(plain) == ONE.decide(warm)).all()


def test_the_majority(fit, stripes):
    train = stripes(90, targets=np.eye(3, dtype=np.float32)[np.repeat([0, 1, 2], [20, 50, 20])])
    val = stripes(6, targets=np.eye(3, dtype=np.float32)[[0, 1, 2] * 2])
    predictor, _ = fit(DummyClassifier(strategy="prior"), train, val, calibration="none")
    np.testing.assert_allclose(predictor.predict(train.images[:3]), [[2 / 9, 5 / 9, 2 / 9]] * 3, rtol=1e-6)
    several, _ = fit(
        DummyClassifier(strategy="prior"), attributes(50, 0), attributes(9, 1), MANY, Small(1), calibration="none"
    )
    shares = attributes(50, 0).targets.mean(axis=0)
    np.testing.assert_allclose(several.predict(attributes(2, 3).images), [shares] * 2, rtol=1e-5)


def test_the_encoder_stays_as_it_was(fit):
    torch.manual_seed(0)
    encoder = Small(width=2)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    fit(encoder=encoder)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_the_same_seed_gives_the_same_scores_and_another_does_not(fit, stripes):
    images = stripes(40, seed=3).images
    one, same, other = (fit("forest", seed=seed)[0].predict(images) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_history_is_logged_with_the_speed(fit):
    logged = []
    _, history = fit(log=lambda epoch, figures: logged.append((epoch, figures)))
    ((epoch, figures),) = logged
    assert epoch == 1
    assert figures.pop("images_per_second") > 0
    assert [figures] == history


@pytest.fixture
def folder(tmp_path, fit, stripes):
    """Saves a predictor; gives its folder and the predictor."""

    def build(name="svm", encoder_node=HOG, **choices):
        torch.manual_seed(0)
        encoder = config.build(encoder_node, "encoder")
        predictor, _ = fit(name, encoder=encoder, **choices)
        card = {
            **predictor.save(tmp_path),
            "classes": ["a", "b"],
            "encoder": encoder_node,
            "transform": config.to_node(stripes(2).transform),
        }
        artifacts.write_json(tmp_path / CARD, card)
        return tmp_path, predictor

    return build


SMALL = {"_target_": "pipeline.models.encoders.small.Small", "width": 2}
TINY = {
    "_target_": "pipeline.models.encoders.network.PretrainedNetwork",
    "architecture": "test_efficientnet",
    "weights": "none",
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("encoder", [HOG, SMALL, TINY], ids=["hog", "small", "tiny"])
def test_saved_and_loaded_it_is_exactly_the_same(folder, stripes, name, encoder):
    path, before = folder(name, encoder)
    images = stripes(50, seed=4).images
    after, _ = load_predictor(path)
    np.testing.assert_array_equal(after.predict(images), before.predict(images))
    assert after.task == before.task
    weights = [] if encoder is HOG else ["weights.safetensors"]
    assert sorted(one.name for one in path.iterdir()) == [CARD, "estimator.skops", *weights]


def test_packaged_weights_are_not_looked_up_again(folder):
    path, _ = folder(encoder_node=TINY)
    card = artifacts.read_json(path / CARD)
    artifacts.write_json(path / CARD, {**card, "encoder": {**TINY, "weights": "package"}})
    load_predictor(path)


def test_the_file_of_another_encoder(folder):
    path, _ = folder(encoder_node=SMALL)
    card = artifacts.read_json(path / CARD)
    artifacts.write_json(path / CARD, {**card, "encoder": {**SMALL, "width": 3}})
    with pytest.raises(UserError, match=r"weights\.safetensors does not fit its card \(.+\); run dvc repro train$"):
        load_predictor(path)


@pytest.mark.parametrize("classes", [["a"], ["a", "b", "c"]])
def test_a_card_of_other_classes(folder, classes):
    path, _ = folder()
    artifacts.write_json(path / CARD, {**artifacts.read_json(path / CARD), "classes": classes})
    message = rf"estimator\.skops has scores for 2 classes, but its card names {len(classes)}; run dvc repro train$"
    with pytest.raises(UserError, match=message):
        load_predictor(path)


@pytest.mark.parametrize("name", ["estimator", "shares", "calibration", "batch_size", "encoder", "task"])
def test_a_card_that_lacks_something(folder, name):
    path, _ = folder()
    artifacts.write_json(
        path / CARD, {key: value for key, value in artifacts.read_json(path / CARD).items() if key != name}
    )
    with pytest.raises(UserError, match=rf"card\.json has no '{name}'; run dvc repro train$"):
        load_predictor(path)


def test_no_picture_and_blocks_do_not_matter(fit, stripes, monkeypatch):
    predictor, _ = fit("forest")
    images = stripes(30).images
    assert predictor.predict(images[:0]).shape == (0, 2)
    whole = predictor.predict(images)
    monkeypatch.setattr(module, "BLOCK", 7)
    np.testing.assert_allclose(predictor.predict(images), whole, rtol=1e-5)


def test_many_features_lie_in_a_file_and_teach_the_same(fit, stripes, monkeypatch):
    images = stripes(30).images
    before = fit()[0].predict(images)
    mapped, plain = [], np.memmap

    def noticed(*given, **named):
        mapped.append(named["shape"])
        return plain(*given, **named)

    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    monkeypatch.setattr(np, "memmap", noticed)
    np.testing.assert_array_equal(fit()[0].predict(images), before)
    assert [num for num, _ in mapped] == [96, 64]


def test_scaling_by_hand():
    given = np.array([[0.0, 1, 5], [2, 3, 5], [4, 5, 5], [6, 7, 5]], dtype=np.float32)
    one = given.copy()
    assert isinstance(fit_scaling(one, "standardise"), StandardScaler)
    expected = np.array([-3, -1, 1, 3]) / np.sqrt(5)
    np.testing.assert_allclose(one, np.stack([expected, expected, np.zeros(4)], axis=1), rtol=1e-6)
    other = given.copy()
    assert isinstance(fit_scaling(other, "unit_length"), Normalizer)
    np.testing.assert_allclose(np.linalg.norm(other, axis=1), 1, rtol=1e-6)
    assert fit_scaling(given, "none") is None


def test_scaling_by_blocks_is_scaling_at_once(monkeypatch):
    from pipeline.training.trainers import estimator_scores

    given = np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32)
    expected = StandardScaler().fit_transform(given)
    monkeypatch.setattr(estimator_scores, "BLOCK", 8)
    fit_scaling(given, "standardise")
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_features_are_those_of_the_encoder(stripes):
    samples = replace(stripes(10), rows=np.array([7, 2, 4]))
    encoder = config.build(HOG, "encoder")
    found = features(FrozenEncoder(encoder, samples.transform, 2), samples)
    images = torch.from_numpy(samples.images[[7, 2, 4]]).permute(0, 3, 1, 2)
    np.testing.assert_allclose(found, encoder(samples.transform(images)).numpy(), rtol=1e-6)


def test_chances_are_weights(fit, stripes):
    """What is never drawn teaches nothing."""
    train = stripes(80)
    wrong = np.arange(80) < 40
    mixed = replace(train, targets=np.where(wrong[:, None], train.targets[:, ::-1], train.targets))
    test = stripes(60, seed=2)
    for name in ("svm", "tree", "forest", "logistic"):
        predictor, _ = fit(name, replace(mixed, sampling_probabilities=np.where(wrong, 1e-9, 1 / 40)))
        right = ONE.decide(predictor.predict(test.images)) == (test.targets > 0)
        assert right.all(axis=1).mean() > 0.8, name


def test_a_single_sample_of_a_class_is_learnt_from(fit, stripes):
    truth = np.r_[np.zeros(39, int), 1]
    for name in ("svm", "knn", "tree", "forest", "logistic"):
        predictor, _ = fit(name, stripes(40, targets=np.eye(2, dtype=np.float32)[truth]))
        assert np.isfinite(predictor.predict(stripes(4).images)).all(), name


def test_labels_that_none_or_all_of_train_have(fit):
    def three(samples):
        num = len(samples)
        return replace(samples, targets=np.c_[samples.targets, np.zeros(num), np.ones(num)].astype(np.float32))

    for name in ("svm", "forest"):
        encoder = Hog(image_size=32, cell=8, num_orientations=6)
        predictor, _ = fit(name, three(attributes(60, 0)), three(attributes(40, 1)), MANY, encoder)
        scores = predictor.predict(attributes(5, 2).images)
        assert scores.shape == (5, 4)
        assert (scores[:, 2] < 0.05).all()
        assert (scores[:, 3] > 0.95).all()


@pytest.mark.parametrize(("num_train", "num_val"), [(1, 4), (0, 4), (4, 0)])
def test_too_few_samples(fit, stripes, num_train, num_val):
    trainer = FitEstimator(**CHOICES, estimator=SVC())
    with pytest.raises(UserError, match=rf"at least 2 samples in train and 1 in val, found {num_train} and {num_val}$"):
        trainer.fit(config.build(HOG, "encoder"), ONE, Mean(), stripes(num_train), stripes(num_val), silent)


def test_a_class_that_train_lacks(fit, stripes):
    targets = np.eye(3, dtype=np.float32)[np.arange(20) % 2 * 2]
    with pytest.raises(UserError, match=r"^train has no sample of class 2 of 3 \(in alphabetical order\); add samples"):
        fit(train=stripes(20, targets=targets))
    with pytest.raises(UserError, match=r"^train has one class only; add samples, or change split"):
        fit(train=stripes(20, targets=np.ones((20, 1), dtype=np.float32)))
    alike = replace(attributes(20, 0), targets=np.tile([0.0, 1.0], (20, 1)).astype(np.float32))
    with pytest.raises(UserError, match=r"^train has no label that some samples have and others lack; add samples"):
        fit(train=alike, val=alike, task=MANY, encoder=Small(1))


@pytest.mark.parametrize(
    ("changes", "train", "message"),
    [
        (
            {"max_samples": 50},
            {},
            r"^train has 96 samples, more than train\.max_samples 50 that SVC learns from in good",
        ),
        ({}, {"subgroups": np.arange(96) % 2}, r"^SVC minimises a loss of its own; set risk=mean, or train=finetune"),
        (
            {"estimator": KNeighborsClassifier()},
            {"sampling_probabilities": np.full(96, 1 / 96)},
            r"^KNeighborsClassifier cannot weight samples; set sampling=shuffled, or another option of train$",
        ),
        (
            {"estimator": KNeighborsClassifier(97)},
            {},
            r"^train: KNeighborsClassifier refuses: Expected n_neighbors <= n_samples_fit",
        ),
    ],
    ids=["too many", "risk", "chances", "neighbours"],
)
def test_what_an_estimator_cannot_do(fit, stripes, changes, train, message):
    with pytest.raises(UserError, match=message) as caught:
        fit(train=replace(stripes(96), **train), **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (SVC(C=-1.0), r"^The 'C' parameter of SVC must be a float in the range"),
        (SVC(kernel="circle"), r"^The 'kernel' parameter of SVC must be a"),
        (CalibratedClassifierCV(SVC(C=-1.0)), r"^The 'C' parameter of SVC must be a float in the range"),
    ],
    ids=["C", "kernel", "C of the inner one"],
)
def test_parameters_that_scikit_learn_refuses_are_refused_by_the_constructor(estimator, message):
    with pytest.raises(ValueError, match=message):
        FitEstimator(**{**CHOICES, "estimator": estimator})


def test_an_estimator_that_needs_many_samples_is_accepted():
    """Its parameters are right; whether train has enough of each class for five folds is seen in fit."""
    estimator = CalibratedClassifierCV(SVC(), cv=5)
    assert FitEstimator(**{**CHOICES, "estimator": estimator}).estimator is estimator


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"scaling": "log"}, r"^scaling must be 'none', 'standardise' or 'unit_length', got 'log'$"),
        ({"calibration": "isotonic"}, r"^calibration must be 'none', .*, got 'isotonic'$"),
        ({"max_samples": 0}, r"^max_samples must be null or at least 1, got 0$"),
        ({"batch_size": 0}, r"^batch_size must be at least 1, got 0$"),
        ({"estimator": StandardScaler()}, r"^estimator must be a classifier of scikit-learn, got StandardScaler$"),
        ({"estimator": {"C": 1}}, r"^estimator must be a classifier of scikit-learn, got dict$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(FitEstimator, **{**CHOICES, "estimator": SVC(), **choices})


def test_what_is_told_plays_no_part(fit, stripes):
    predictor, _ = fit()
    images = stripes(3).images
    told = pd.DataFrame({"prop_brightness": [0.1, 0.5, 0.9]})
    np.testing.assert_array_equal(predictor.with_metadata(told).predict(images), predictor.predict(images))
    assert isinstance(predictor, EstimatorPredictor)
