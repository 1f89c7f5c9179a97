"""What MLflow serves, without MLflow: a predictor of each kind behind encoded pictures."""

import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from clip_model import save_clip_model
from films import animation, numbered
from mlflow import MlflowException
from sklearn.svm import SVC

from pipeline.core import artifacts, config
from pipeline.core.batches import ImageDataset
from pipeline.core.labels import parse_labels
from pipeline.media.encoded_example import encode_example
from pipeline.models.encoders.constant import Constant
from pipeline.models.transforms.normalise import Normalise
from pipeline.tracking.pyfunc_model import PyfuncClassifier
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.estimator import FitEstimator
from pipeline.training.trainers.property_forest import FitPropertyForest

pytestmark = pytest.mark.xdist_group("tracking")

HOG = {"_target_": "pipeline.models.encoders.hog.Hog", "image_size": 16, "cell": 4, "num_orientations": 6}
TRAINERS = {
    "estimator": FitEstimator(
        estimator=SVC(), scaling="standardise", calibration="sigmoid", max_samples=None, batch_size=8, seed=0
    ),
    "property_forest": FitPropertyForest(num_trees=5, calibration="none", seed=0),
}


@pytest.fixture
def served(tmp_path):
    """What is served of a trainer's predictor, and twenty pictures in two classes, dark above or below."""

    def build(name):
        truth = np.arange(20) % 2
        images = np.random.default_rng(0).integers(0, 60, (20, 16, 16, 1), dtype=np.uint8)
        images[truth == 1, 8:] += 150
        images[truth == 0, :, 8:] += 150
        told = pd.DataFrame({"prop_brightness": images.mean(axis=(1, 2, 3))})
        transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
        samples = ImageDataset(images, np.arange(20), np.eye(2, dtype=np.float32)[truth], transform, metadata=told)
        encoder = config.build(HOG, "encoder") if name == "estimator" else Constant()
        task = SingleLabel(label_smoothing=0.0)
        predictor, _ = TRAINERS[name].fit(encoder, task, Mean(), samples, samples, lambda epoch, figures: None)
        card = {
            **predictor.save(tmp_path),
            "classes": ["ant", "bee"],
            "encoder": HOG,
            "transform": config.to_node(transform),
            "packing": {"size": 16, "fit": "crop", "channels": 1, "max_pixels": 10_000},
        }
        artifacts.write_json(tmp_path / "card.json", card)
        model = PyfuncClassifier()
        model.load_context(SimpleNamespace(artifacts={"predictor": str(tmp_path)}))
        return model, predictor, images

    return build


def test_an_estimator_is_served(served, encode):
    model, predictor, images = served("estimator")
    found = model.predict(None, pd.DataFrame({"image": [encode(one[..., 0], "PNG") for one in images]}))
    assert found["class"].tolist() == ["ant", "bee"] * 10
    np.testing.assert_allclose([list(row.values()) for row in found["scores"]], predictor.predict(images), rtol=1e-6)


def test_what_nuisances_tell_cannot_be_served(served, encode):
    model, _, images = served("property_forest")
    with pytest.raises(MlflowException, match=r"it is a baseline for comparison, and cannot be served$"):
        model.predict(None, pd.DataFrame({"image": [encode(images[0][..., 0], "PNG")]}))


def test_pictures_that_cannot_be_read_are_named_by_their_rows(served, encode):
    model, _, images = served("estimator")
    good = encode(images[0][..., 0])
    with pytest.raises(
        MlflowException, match=r"^2 of 4 pictures cannot be read, the first is row 1: not_a_pi"
    ) as error:
        model.predict(None, pd.DataFrame({"image": [good, b"hello", good, b""]}))
    assert error.value.get_http_status_code() == 400
    error.value.message = f"Failed to predict data ... {error.value.message}"  # as MLflow's server does
    assert json.loads(error.value.serialize_as_json()) == {
        "error_code": "BAD_REQUEST",
        "message": "2 of 4 pictures cannot be read, the first is row 1: not_a_picture: starts with b'hello'; "
        "leave them out",
        "refused": [
            {"row": 1, "reason": "not_a_picture", "detail": "starts with b'hello'"},
            {"row": 3, "reason": "empty", "detail": "0 bytes"},
        ],
    }


def test_a_deep_picture_is_served_as_the_pipeline_decodes_it(served, encode):
    model, predictor, images = served("estimator")
    model.classifier.card["packing"]["grey_scale"] = [0.0, 4095.0]
    deep = [encode(np.rint(one[..., 0] / 255.0 * 4095).astype(np.uint16)) for one in images]
    found = model.predict(None, pd.DataFrame({"image": deep}))
    np.testing.assert_array_equal([list(row.values()) for row in found["scores"]], predictor.predict(images))
    del model.classifier.card["packing"]["grey_scale"]  # a twelfth bit taken for a sixteenth: all of it is dark
    dark = model.predict(None, pd.DataFrame({"image": deep}))
    assert dark["scores"].tolist() != found["scores"].tolist()


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(["ant", "bee"], "ant|bee"), (["ant, red", "bee"], "ant, red|bee"), (["a|b", "bee"], '["a|b", "bee"]')],
)
def test_several_labels_are_spelt_as_in_tables(served, encode, monkeypatch, classes, expected):
    model, predictor, images = served("estimator")
    model.classifier.card["classes"] = classes
    monkeypatch.setattr(type(predictor.task), "decide", lambda task, scores: np.ones(scores.shape, bool))
    found = model.predict(None, pd.DataFrame({"image": [encode(images[0][..., 0])]}))
    assert found["class"].tolist() == [expected]
    assert parse_labels(expected) == classes


@pytest.fixture(scope="module")
def of_clips(tmp_path_factory):
    model = PyfuncClassifier()
    folder = save_clip_model(tmp_path_factory.mktemp("clips"))
    model.load_context(SimpleNamespace(artifacts={"predictor": str(folder)}))
    return model


def test_a_model_of_clips_takes_a_column_of_clips(of_clips):
    frames = numbered(8, 24, 24)
    pictures = io.BytesIO()
    with zipfile.ZipFile(pictures, "w") as archive:
        for number, frame in enumerate(frames):
            archive.writestr(f"{number}.webp", animation("WEBP", frame[None]))
    told = [encode_example("clip", frames), animation("GIF", frames), pictures.getvalue()]
    assert of_clips.predict(None, pd.DataFrame({"clip": told}))["class"].tolist() == ["bee"] * 3


def test_clips_that_cannot_be_read_and_a_column_of_pictures(of_clips, encode):
    with pytest.raises(MlflowException, match=r"^1 of 1 clips cannot be read, the first is row 0: not_a_clip"):
        of_clips.predict(None, pd.DataFrame({"clip": [b"hello, no clip"]}))
    with pytest.raises(MlflowException, match=r"takes a column 'clip' of encoded clips, got image$"):
        of_clips.predict(None, pd.DataFrame({"image": [b""]}))
