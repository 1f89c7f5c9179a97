"""A trained model of clips: three classes, whose scores are the same for every clip."""

from pathlib import Path

import torch
from films import LIMITS
from trained_model import CLASSES, save_predictor

from pipeline.models.encoders.constant import Constant
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import Classifier, NetworkPredictor

PACKING = {
    "size": 16,
    "fit": "crop",
    "channels": 3,
    "max_pixels": 1_000_000,
    "media": {"_target_": "pipeline.media.clip.Clip", **LIMITS, "time_limit": 20},
}


def save_clip_model(folder: Path) -> Path:
    """A folder with card and weights; the second class is decided."""
    network = Classifier(Constant(), len(CLASSES), dropout=0.0)
    network.head.bias.data = torch.tensor([0.0, 2.0, 1.0])
    transform = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
    predictor = NetworkPredictor(network.eval(), SingleLabel(label_smoothing=0.0), transform, ["identity"], "fp32")
    encoder = {"_target_": "pipeline.models.encoders.constant.Constant"}
    return save_predictor(predictor, folder, encoder=encoder, packing=PACKING)
