"""A project after `pretrain`, with tiny pictures and an encoder that was pretrained well or not at all."""

from pathlib import Path

import numpy as np
import yaml
from pretraining_examples import make_packed
from small_project import EVALUATE, RECIPE, normalise, write_packed
from torch import nn

from pipeline.core import artifacts
from pipeline.datasets.packed import PackedDataset
from pipeline.training.pretrained_encoder import MADE_OF, build_encoder, write_encoder

ENCODER = {"_target_": "pipeline.models.encoders.small.Small", "width": 2}
VIEWS = {"jitter": {"_target_": "pipeline.training.augmentations.exposure.Exposure"}}
VIEWS["jitter"] |= {"max_brightness": 0.3, "max_contrast": 0.3}  # type: ignore[dict-item]
OBJECTIVE = {
    "_target_": "pipeline.training.objectives.simclr.SimClr",
    "temperature": 0.5,
    "projection_dim": 8,
    "positives": "view",
}
PARAMS = RECIPE | {
    "source": {"name": "stripes"},
    "transform": normalise(16),
    "encoder": ENCODER,
    "objective": OBJECTIVE,
    "pretrain": {"seed": 0},
    "views": VIEWS,
    "evaluate": EVALUATE,
    "check": {"shortcut": {"alpha": 0.05}},
}
SPLITS = ["train"] * 240 + ["val"] * 120 + ["test"] * 20 + ["pool"] * 20


def look_for_stripes(encoder: nn.Module) -> None:
    """Weights with which the features say the direction of the stripes."""
    import torch

    first = next(one for one in encoder.modules() if isinstance(one, nn.Conv2d))
    weights = torch.zeros_like(first.weight)
    weights[0, :, :, 0], weights[0, :, :, 1], weights[0, :, :, 2] = 1, -2, 1  # answers to columns alone
    weights[1, :, 0, :], weights[1, :, 1, :], weights[1, :, 2, :] = 1, -2, 1  # to rows alone
    first.weight.data = weights / 3


def make_project(folder: Path, num_groups: int | None = 40, *, improve: bool = True) -> None:
    """Writes `params.yaml`, `data/packed/` and `data/encoder/` into the current folder, which is `folder`."""
    index = {} if num_groups is None else {"group": [f"g{number % num_groups}" for number in range(len(SPLITS))]}
    brightness = np.random.default_rng(1).normal(0.5, 0.1, len(SPLITS))
    packed = make_packed(SPLITS, prop_brightness=brightness, **index)
    shifted = (0.5 * packed.images + 255 * (brightness - 0.3)[:, None, None, None]).clip(0, 255).astype(np.uint8)
    write_packed(PackedDataset(shifted, packed.index, packed.card))
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    encoder = build_encoder(PARAMS, 0)
    if improve:
        look_for_stripes(encoder)
    card = {section: PARAMS[section] for section in MADE_OF}
    write_encoder(artifacts.ENCODER, encoder, {**card, "epoch": 1, "num_samples": {"train": 240}})
