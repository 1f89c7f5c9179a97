"""A registered model decides on samples of the manifest as it did in evaluate, and others are refused."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import trained_model
from ingest_examples import ingest, source
from PIL import Image

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.policy import OutOfDistribution, Policy
from pipeline.labelling.automatic import scored_samples
from pipeline.labelling.automatic.scored_samples import RegisteredClassifier, load_registered
from pipeline.media.image import Image as Pictures
from pipeline.media.reader import SampleReader
from pipeline.prediction.classifier import PictureClassifier
from pipeline.tracking.model_choice import RegisteredVersion

VERSION = RegisteredVersion(name="colibri-bugs", version="3", aliases=("champion",), model_id="")


@pytest.fixture
def folder(project):
    for number, pixels in enumerate(trained_model.make_pictures(24)):
        path = project / f"pictures/{('ant', 'bee')[number % 2]}/{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    trained_model.save_predictor(trained_model.make_predictor(), project / "data/predictor", training_key="k1")
    return project


@pytest.fixture
def samples(folder):
    rows, _ = ingest(source(folder / "pictures"), 10_000)
    return rows


@pytest.fixture
def reader(folder):
    return SampleReader(source=source(folder / "pictures"), codec=Pictures().codec({"max_pixels": 10_000}))


@pytest.fixture
def registered(folder):
    return RegisteredClassifier(classifier=PictureClassifier.load(folder / "data/predictor"), version=VERSION)


def test_scores_are_those_of_the_predictor(registered, samples, reader):
    found = registered.score(samples, reader)
    pictures = np.stack([reader.load_stored(one, registered.classifier.storage) for one in items(samples)])
    np.testing.assert_allclose(found.scores, registered.classifier.predictor.predict(pictures), atol=1e-6)
    np.testing.assert_allclose(found.confidence, found.scores.max(axis=1), atol=1e-6)
    assert found.labels == [[trained_model.CLASSES[one]] for one in found.scores.argmax(axis=1)]
    assert found.is_fit.all()
    assert registered.name == "colibri-bugs@3"
    assert registered.score(samples.iloc[:0], reader).confidence.shape == (0,)


def items(samples):
    return list(zip(samples["path"], samples["content_hash"], strict=True))


def test_stored_predictions_must_be_of_the_same_model(registered, samples, reader):
    found = registered.score(samples, reader)
    stored = pd.DataFrame(
        {"sample_id": samples["sample_id"], "decided": found.labels, "scores": list(found.scores.astype(np.float32))}
    )
    registered.refuse_other_predictions(stored, samples, reader)
    assert registered.read_stored(stored).labels == found.labels
    np.testing.assert_allclose(registered.read_stored(stored).confidence, found.confidence, atol=1e-6)
    other = stored.assign(scores=[np.roll(one, 1) for one in found.scores])
    with pytest.raises(
        UserError, match=r"predictions\.parquet are not those of colibri-bugs@3: its policy or its runt"
    ):
        registered.refuse_other_predictions(other, samples, reader)


def test_samples_far_from_train_are_not_fit(registered, samples):
    far = OutOfDistribution(distance={}, reference="", limit=1.0, share=0.01, abstains=True)
    fields = {one.name: None for one in dataclasses.fields(Policy)}
    policy = Policy(**{**fields, "out_of_distribution": far, "exclusive": True})  # type: ignore[arg-type]
    classifier = dataclasses.replace(registered.classifier, policy=policy)
    rows = pd.DataFrame(
        {"decided": [["ant"]] * 3, "scores": [np.array([0.9, 0.1, 0.0])] * 3, "out_of_distribution": [0.5, 1.0, 1.2]}
    )
    found = RegisteredClassifier(classifier=classifier, version=VERSION).read_stored(rows)
    assert found.is_fit.tolist() == [True, True, False]


def test_only_the_registered_model_of_the_last_run(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(scored_samples, "find_version", lambda model: asked.append(model) or VERSION)

    class Files:
        def __init__(self, version):
            pass

        def __enter__(self):
            return folder / "data/predictor"

        def __exit__(self, *about):
            pass

    monkeypatch.setattr(scored_samples, "open_files", Files)
    for model, expected in (
        ("champion", "@champion"),
        ("colibri-bugs@3", "colibri-bugs/3"),
        ("3", "3"),
        ("@old", "@old"),
    ):
        assert load_registered(model).name == "colibri-bugs@3"
        assert asked[-1] == expected
    for model in ("data/predictor", str(folder / "data/predictor")):
        with pytest.raises(
            UserError, match=r"no registered version, so no line could say who labelled; run dvc repro reg"
        ):
            load_registered(model)
    card = artifacts.read_json(folder / "data/predictor/card.json")
    other = trained_model.save_predictor(trained_model.make_predictor(), folder / "old/predictor", training_key="k0")
    assert card["training_key"] == "k1"
    monkeypatch.setattr(Files, "__enter__", lambda self: other)
    with pytest.raises(
        UserError, match=r"version 3 \(champion\) is not the model of the last run, whose scores on val"
    ):
        load_registered("champion")
