"""A predictor's folder says by itself how it is loaded."""

import numpy as np
import pytest
import torch

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.model_card import CARD, load_predictor
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import Classifier, NetworkPredictor

PREDICTOR = "pipeline.training.trainers.network.NetworkPredictor"


@pytest.fixture
def folder(tmp_path):
    """A predictor of two classes of 8-pixel pictures, and the predictor itself as `before`."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Classifier(Small(width=1), 2, dropout=0.0)
    choices = {"image_size": 8, "mean": [0.5] * 3, "std": [0.5] * 3}
    predictor = NetworkPredictor(
        network, SingleLabel(label_smoothing=0.1), Normalise(**choices), ["identity"], precision_name="fp32"
    )
    card = {
        **predictor.save(tmp_path),
        "classes": ["a", "b"],
        "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 1},
        "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.1},
        "transform": {"_target_": "pipeline.models.transforms.normalise.Normalise", **choices},
    }
    artifacts.write_json(tmp_path / CARD, card)
    return tmp_path, predictor, card


def test_what_was_saved_is_loaded(folder):
    path, before, card = folder
    predictor, loaded = load_predictor(path)
    assert loaded == card
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(predictor.predict(images), before.predict(images))
    assert predictor.task == SingleLabel(label_smoothing=0.1)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"nowhere/card\.json does not exist; run dvc repro"):
        load_predictor(tmp_path / "nowhere")


def test_a_card_that_is_not_json(folder):
    (folder[0] / CARD).write_text("{")
    with pytest.raises(UserError, match=r"card\.json: not valid JSON \(.*\); remove it and run dvc repro$"):
        load_predictor(folder[0])


@pytest.mark.parametrize("name", ["predictor", "encoder", "classes", "task", "transform", "views", "precision"])
def test_a_card_that_lacks_something(folder, name):
    path, _, card = folder
    artifacts.write_json(path / CARD, {key: value for key, value in card.items() if key != name})
    with pytest.raises(UserError, match=rf"card\.json has no '{name}'; run dvc repro train$"):
        load_predictor(path)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "pipeline.training.trainers.network.Gone",
        "pipeline.gone.Gone",
        "pipeline.core.artifacts.write_text",
        "pipeline.training.trainers.finetune.FineTune",
    ],
)
def test_a_card_may_only_name_what_the_project_has(folder, target):
    path, _, card = folder
    artifacts.write_json(path / CARD, {**card, "predictor": target})
    with pytest.raises(UserError, match=r"^card\.json: predictor\._target_ .*(must name a class of|cannot be loaded)"):
        load_predictor(path)


def test_no_pickle_is_read(folder):
    path, _, card = folder
    assert sorted(one.suffix for one in path.iterdir()) == [".json", ".safetensors"]
    assert card["predictor"] == PREDICTOR
