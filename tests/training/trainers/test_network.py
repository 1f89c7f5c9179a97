"""A trained network averages its views and comes back from its folder unchanged."""

import json
import pickle

import numpy as np
import pytest
import torch

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import VIEWS, WEIGHTS, Classifier, NetworkPredictor

CLASSES = ["a", "b", "c"]
TASK = SingleLabel(label_smoothing=0.0)
CARD = {
    "classes": CLASSES,
    "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 16,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    },
}


@pytest.fixture
def make(transform):
    """A predictor whose normalisation has seen data, so that no buffer is at its first value."""

    def build(views=("identity",), precision="fp32"):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Classifier(Small(width=2), len(CLASSES), dropout=0.5)
            network.train()
            network(torch.rand(8, 3, 16, 16))
        return NetworkPredictor(network, TASK, transform, views, precision)

    return build


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (10, 20, 20, 1), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, make):
    """A saved predictor and, in card.json, what loading needs."""
    saved = make(views=["identity", "half_turn"]).save(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps({**CARD, **saved}))
    return tmp_path


def load(folder):
    return NetworkPredictor.load(folder, json.loads((folder / "card.json").read_text()))


def test_scores_are_probabilities_of_the_network_in_evaluation_mode(make, images, transform):
    predictor = make()
    scores = predictor.predict(images)
    assert scores.shape == (10, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)
    batch = transform(torch.from_numpy(images).permute(0, 3, 1, 2))
    with torch.inference_mode():
        features = predictor.network.encoder.eval()(batch)
        logits = features @ predictor.network.head.weight.T + predictor.network.head.bias  # no dropout
    np.testing.assert_allclose(scores, logits.softmax(dim=1).numpy(), rtol=1e-5)


def test_views_are_averaged(make, images):
    by_hand = {
        "identity": images,
        "horizontal_flip": images[:, :, ::-1],
        "vertical_flip": images[:, ::-1],
        "half_turn": images[:, ::-1, ::-1],
    }
    assert list(by_hand) == list(VIEWS)
    alone = [make().predict(np.ascontiguousarray(turned)) for turned in by_hand.values()]
    np.testing.assert_allclose(make(views=list(VIEWS)).predict(images), np.mean(alone, axis=0), rtol=1e-5)
    np.testing.assert_allclose(make(views=["half_turn"]).predict(images), alone[3], rtol=1e-5)
    assert not np.allclose(alone[0], alone[1], rtol=1e-3)


@pytest.mark.parametrize("batch_size", [1, 3, 10, 64])
def test_batches_do_not_matter(make, images, batch_size):
    np.testing.assert_allclose(make().predict(images, batch_size=batch_size), make().predict(images), rtol=1e-5)


def test_no_picture_and_pictures_that_cannot_be_written_to(make, images):
    assert make().predict(images[:0]).shape == (0, 3)
    locked = images.copy()
    locked.setflags(write=False)
    np.testing.assert_array_equal(make().predict(locked), make().predict(images))


def test_bf16_is_near_fp32(make, images):
    near = make(precision="bf16").predict(images)
    assert near.dtype == np.float32
    np.testing.assert_allclose(near, make().predict(images), atol=0.03)


def test_saved_and_loaded_it_is_exactly_the_same(folder, make, images):
    loaded = load(folder)
    before = make(views=["identity", "half_turn"])
    np.testing.assert_array_equal(loaded.predict(images), before.predict(images))
    assert (loaded.views, loaded.precision, loaded.task) == (before.views, before.precision, TASK)
    state, old = loaded.network.state_dict(), before.network.state_dict()
    assert list(state) == list(old)
    assert all(torch.equal(state[name], old[name]) for name in state)


def test_the_folder_holds_no_pickle(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", WEIGHTS]
    data = (folder / WEIGHTS).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["head.bias"]["shape"] == [3]
    with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError)):
        pickle.loads(data)


def test_the_card_counts_what_learns(make, tmp_path):
    card = make().save(tmp_path)
    convolutions = 9 * (3 * 2 + 2 * 4 + 4 * 8) + 2 * (2 + 4 + 8)
    assert card == {
        "predictor": "pipeline.training.trainers.network.NetworkPredictor",
        "views": ["identity"],
        "precision": "fp32",
        "num_parameters": convolutions + 8 * 3 + 3,
        "task": config.to_node(TASK),
    }


def test_packaged_weights_are_not_looked_up_again(tmp_path, monkeypatch, transform):
    from pipeline.models.encoders import network, pretrained_network

    monkeypatch.setattr(
        pretrained_network, "find_spec", lambda name: None
    )  # the package is not installed where it is served
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = network.PretrainedNetwork("test_efficientnet", "none")
    predictor = NetworkPredictor(Classifier(encoder, 3, 0.0), TASK, transform, ["identity"], "fp32")
    node = {
        "_target_": "pipeline.models.encoders.network.PretrainedNetwork",
        "architecture": "test_efficientnet",
        "weights": "package",
    }
    card = {**CARD, "encoder": node, **predictor.save(tmp_path)}
    loaded = NetworkPredictor.load(tmp_path, card)
    picture = np.full((1, 16, 16, 3), 100, dtype=np.uint8)
    np.testing.assert_array_equal(loaded.predict(picture), predictor.predict(picture))
    assert card["encoder"]["weights"] == "package"


@pytest.mark.parametrize("damage", ["missing", "empty", "header", "cut in the header", "cut in the data", "longer"])
def test_damaged_weights(folder, damage):
    path = folder / WEIGHTS
    data = path.read_bytes()
    path.unlink()
    left = {
        "empty": b"",
        "header": b"\xff" * 16 + data[16:],
        "cut in the header": data[:50],
        "cut in the data": data[:-5],
        "longer": data + b"\0",
    }
    if damage != "missing":
        path.write_bytes(left[damage])
    with pytest.raises(
        UserError, match=r"weights\.safetensors does not fit its card \(.+\); run dvc repro train$"
    ) as it:
        load(folder)
    assert "\n" not in str(it.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"classes": ["a", "b"]}, r"size mismatch for head"),
        ({"encoder": {**CARD["encoder"], "width": 3}}, r"size mismatch for encoder"),
    ],
)
def test_weights_of_another_network(folder, change, reason):
    card = json.loads((folder / "card.json").read_text())
    with pytest.raises(UserError, match=rf"does not fit its card \(.*{reason}.*\); run dvc repro train$") as caught:
        NetworkPredictor.load(folder, {**card, **change})
    assert "\n" not in str(caught.value)
