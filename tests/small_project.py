"""What tests of commands that train a small network have in common: the choices of a recipe, and packed pictures."""

from typing import Any

import numpy as np

from pipeline.core import artifacts
from pipeline.datasets.packed import PackedDataset

RECIPE: dict[str, Any] = {
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
    "imbalance": "none",
    "sampling": {"_target_": "pipeline.training.samplings.shuffled.Shuffled"},
    "mix": {"_target_": "pipeline.training.mixes.unmixed.Unmixed"},
    "risk": {"_target_": "pipeline.training.risks.mean.Mean"},
    "augmentation": {},
}
EVALUATE = {
    "num_resamples": 100,
    "seed": 0,
    "half_width": 0.2,
    "min_slice": 20,
    "max_slices": 500,
    "num_mistakes": 0,
    "cross_validation": "never",
}


def normalise(side: int) -> dict[str, Any]:
    """The transform to pictures of this side, in pixels."""
    return {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": side,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }


def write_packed(packed: PackedDataset) -> None:
    """Writes `data/packed/` of the current folder, as `augment` would have left it."""
    artifacts.PACKED.mkdir(parents=True)
    np.save(artifacts.PACKED / "images.npy", packed.images)
    artifacts.write_table(artifacts.PACKED / "index.parquet", packed.index)
    artifacts.write_json(artifacts.PACKED / "card.json", packed.card)
