"""Frozen features grouped without labels: k-means, or a mixture of normal distributions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.core import config, progress
from pipeline.core.batches import ImageDataset, ToTensor
from pipeline.core.contracts import CheckpointStore, Log, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Explainable, FeaturePredictor
from pipeline.core.ranges import PositiveInt
from pipeline.features.cluster_model import BLOCK, ClusterOptions
from pipeline.features.extractor import FrozenEncoder
from pipeline.features.grouping import Grouping
from pipeline.training.random_weights import PermutedFeatures
from pipeline.training.trainers.cluster_module import ClusterModule
from pipeline.training.trainers.estimator import extract_features, features
from pipeline.training.trainers.network import WEIGHTS, bare_encoder, load_weights

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

CLUSTERS = "clusters.safetensors"


@final
@dataclass(frozen=True, kw_only=True)
class FitClusters(ClusterOptions, Trainer):
    """Groups the features of train, which the frozen encoder computes once; val says how well new pictures fit.

    So augmentations have no effect, nor has `sampling`.

    Args:
        batch_size: Pictures per forward pass, at least 1.
    """

    supervised: ClassVar[bool] = False
    batch_size: PositiveInt

    def fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: ImageDataset,
        val: ImageDataset,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> tuple[ClusterPredictor, list[dict[str, float]]]:
        if task.supervised:
            raise UserError("train=kmeans and train=mixture find clusters, and look at no label; set task=clusters")
        started = time.perf_counter()
        frozen = FrozenEncoder(encoder, train.transform, self.batch_size)
        of_train = features(frozen, train)
        groups = np.arange(len(train)) if train.metadata is None else train.metadata["group"].to_numpy(dtype=str)
        with progress.show("train: clusters", self.num_fits, "halvings") as bar:
            grouping = Grouping.fit(of_train, groups, self, (lambda: None) if bar is None else bar.advance)
        row = {"epoch": 1.0, "num_clusters": float(len(grouping.names)), "train_loss": surprise(grouping, of_train)}
        if len(val):
            row["val_loss"] = surprise(grouping, features(frozen, val))
        if grouping.stability is not None and grouping.stability.value is not None:
            row["stability"] = grouping.stability.value
        log(1, {**row, "images_per_second": len(train) / (time.perf_counter() - started)})
        task = task.with_outcomes(grouping.names)
        return ClusterPredictor(encoder, train.transform, grouping, task, self.batch_size), [row]

    @property
    def num_fits(self) -> int:
        """Halvings of the stability curve, for a bar."""
        return self.num_repeats * (max(self.max_clusters, self.num_clusters or 2) - 1)


def surprise(grouping: Grouping, vectors: np.ndarray) -> float:
    """Mean negative log density of (N, D) features for each principal component, without the normal constant."""
    from scipy.special import logsumexp

    points = grouping.reduction(vectors)
    return float(-logsumexp(grouping.model.log_densities(points), axis=1).mean() / points.shape[1])


@final
class ClusterPredictor(FeaturePredictor, Explainable):
    """The probability of each cluster given the features of a picture."""

    views = ("identity",)  # a picture is scored as it is

    def __init__(self, encoder: nn.Module, transform: ToTensor, grouping: Grouping, task: Task, batch_size: int):
        self.network, self.grouping, self.task = encoder, grouping, task
        self.transform, self.batch_size = transform, batch_size
        self.frozen = FrozenEncoder(encoder, transform, batch_size)

    def predict(self, images: np.ndarray) -> np.ndarray:
        nothing = np.zeros((0, len(self.grouping.names)), np.float32)
        blocks = (images[start : start + BLOCK] for start in range(0, len(images), BLOCK))
        return np.concatenate([nothing, *(self.predict_with_features(block)[0] for block in blocks)])

    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nothing = np.zeros(self.frozen.feature_dim, np.float32)
        vectors = np.stack([nothing, *self.frozen.stream(images)])[1:]
        return self.grouping.scores(vectors), vectors

    def extract(self, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(M, D) float32 features of these rows of (N, *spatial, C) pictures."""
        return extract_features(self.frozen, (images[row] for row in rows), len(rows), "clusters: features")

    def to_module(self) -> nn.Module:
        return ClusterModule(self.frozen.encoder, self.grouping, self.frozen.device)

    def randomise(self, pictures: Tensor, seed: int) -> nn.Module:
        """The clusters on features in another order: the encoder was not trained here, so it stays."""
        order = PermutedFeatures.of(None, self.frozen.feature_dim, seed).order
        return ClusterModule(self.frozen.encoder, self.grouping, self.frozen.device, torch.from_numpy(order))

    def save(self, folder: Path) -> JsonObject:
        weights = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        if weights:
            save_file(weights, folder / WEIGHTS)
        save_arrays(self.grouping.to_tensors(), folder / CLUSTERS)
        return {
            "predictor": "pipeline.training.trainers.clusters.ClusterPredictor",
            "clusters": self.grouping.to_card(),
            "batch_size": self.batch_size,
            "task": config.to_node(self.task),
        }

    @classmethod
    def load(cls, folder: Path, card: JsonObject) -> ClusterPredictor:
        encoder = bare_encoder(card)
        if encoder.state_dict():
            load_weights(encoder, folder / WEIGHTS)
        transform, task = (config.build(card[name], f"card.{name}") for name in ("transform", "task"))
        grouping = load_grouping(folder / CLUSTERS, card, int(encoder.feature_dim))
        return cls(encoder, transform, grouping, task, card["batch_size"])


def load_grouping(path: Path, card: JsonObject, feature_dim: int) -> Grouping:
    """The clusters of a file, as its card describes them, of features of this length.

    Raises:
        UserError: The file cannot be read, or does not fit its card.
    """
    try:
        grouping = Grouping.of(load_arrays(path), card["clusters"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} does not fit its card ({' '.join(str(error).split())}); run dvc repro train") from None
    if len(grouping.reduction.mean) != feature_dim:
        raise UserError(
            f"{path} is of {len(grouping.reduction.mean):,} features, but the encoder of its card gives "
            f"{feature_dim:,}; run dvc repro train"
        )
    if grouping.names != card["classes"]:
        raise UserError(
            f"{path} has {len(grouping.names)} clusters, but its card names {len(card['classes'])}; run dvc repro train"
        )
    return grouping
