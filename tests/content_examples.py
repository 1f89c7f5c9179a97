"""Pictures with their features, as the stages would give them to a content check."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from pipeline.core import config
from pipeline.core.content import EmbeddedImages
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.images.storage import SquareFormat

CONF = Path(__file__).parents[1] / "conf"


@cache
def composed(*overrides: str) -> str:
    return config.compose(CONF, list(overrides))


def chosen(*overrides: str) -> dict:
    return yaml.load(composed(*overrides), yaml.CSafeLoader)  # ten times as fast


def samples_of(labels, groups=None, split="train") -> pd.DataFrame:
    names = [f"s{position:03d}" for position in range(len(labels))]
    groups = names if groups is None else groups
    told = [[one] if isinstance(one, str) else list(one) for one in labels]
    return pd.DataFrame({"sample_id": names, "labels": told, "group": groups, "split": split})


def only(features, policy=None) -> EmbeddedImages:
    """Content of which a check asks the features alone."""
    return EmbeddedImages(
        features=np.asarray(features, dtype=np.float16), policy=policy or {}, pictures=None, embed=None
    )


def content_of(images, embed: str, augmentation: str) -> EmbeddedImages:
    """Pictures (H, W, C) as an option of conf/embed/ tells them, under options of conf/augmentation/."""
    params = chosen(f"embed={embed}", f"augmentation=[{augmentation}]")
    featuriser = FeatureExtractor(config.instantiate(FeatureOptions, params["embed"], "embed"))
    channels = images[0].shape[2] if images[0].ndim == 3 else 1
    storage = SquareFormat(size=featuriser.image_size, fit="crop", channels=channels)
    pictures = np.stack([storage.convert(one) for one in images])
    return EmbeddedImages(
        features=featuriser(pictures).astype(np.float16),
        policy={name: config.build(node, name, "augmentation") for name, node in params["augmentation"].items()},
        pictures=lambda rows: pictures[rows],
        embed=featuriser,
    )
