"""A small trained model: three classes of 16-pixel grey pictures, from random weights."""

from pathlib import Path

import numpy as np
import torch

from pipeline.core import artifacts
from pipeline.core.axes import to_tensor
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import Classifier, NetworkPredictor

CLASSES = ["ant", "bee", "fly"]


def make_predictor(views=("identity",)) -> NetworkPredictor:
    """Its scores differ from picture to picture."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Classifier(Small(width=2), 3, dropout=0.0)
        network.train()
        network(torch.rand(8, 3, 16, 16))
        network.head.weight.data *= 20
    transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    with torch.no_grad():  # so that each class is decided for some of `make_pictures`
        logits = network.eval()(transform(to_tensor(make_pictures(10)[..., None])))
        network.head.bias.data -= logits.mean(dim=0)
    return NetworkPredictor(network, SingleLabel(label_smoothing=0.0), transform, list(views), "fp32")


def save_predictor(predictor: NetworkPredictor, folder: Path, **entries) -> Path:
    """As the stage `train` does; `entries` replace those of the card."""
    folder.mkdir(parents=True, exist_ok=True)
    transform = {"_target_": "pipeline.models.transforms.normalise.Normalise", "image_size": 16}
    card = {
        **predictor.save(folder),
        "classes": CLASSES,
        "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
        "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
        "transform": {**transform, "mean": [0.5] * 3, "std": [0.5] * 3},
        "packing": {"size": 16, "fit": "crop", "channels": 1, "max_pixels": 10_000},
        **entries,
    }
    artifacts.write_json(folder / "card.json", card)
    return folder


def make_pictures(number: int) -> np.ndarray:
    """(N, 16, 16) grey pictures of the stored size, dark to bright."""
    noise = np.random.default_rng(0).integers(-40, 40, (number, 16, 16))
    return np.clip(noise + np.linspace(60, 190, number)[:, None, None], 0, 255).astype(np.uint8)
