"""A trained network: encoder and head together, saved as safetensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.core.batches import ToTensor
from pipeline.core.contracts import Task
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Explainable, FeaturePredictor
from pipeline.models.memory_layout import MemoryLayout
from pipeline.training import precision
from pipeline.training.random_weights import randomise_weights

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

WEIGHTS = "weights.safetensors"
MAX_REASON = 200  # characters
View = Literal["identity", "horizontal_flip", "vertical_flip", "half_turn"]
VIEWS: dict[View, tuple[int, ...]] = {  # axes along which a sample is flipped before it is scored
    "identity": (),
    "horizontal_flip": (-1,),
    "vertical_flip": (-2,),
    "half_turn": (-2, -1),
}


class Classifier(nn.Module):
    """Encoder, dropout and a linear head: (B, 3, *spatial) to (B, K) logits."""

    def __init__(self, encoder: nn.Module, num_classes: int, dropout: float):
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(int(encoder.feature_dim), num_classes)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return self.with_features(x)[0]

    def with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, *spatial) to (B, K) logits and the (B, D) features that the head takes."""
        features: Tensor = self.encoder(x)
        return self.head(self.dropout(features)), features


@final
class NetworkPredictor(FeaturePredictor, Explainable):
    """Scores and features of a `Classifier`, averaged over the views.

    Args:
        network: Trained.
        task: Turns logits into scores, and scores into decisions.
        transform: From stored pictures to the input of the network.
        views: Keys of `VIEWS`.
        precision_name: `auto`, `fp32` or `bf16`.
    """

    def __init__(
        self, network: Classifier, task: Task, transform: ToTensor, views: Sequence[View], precision_name: str = "auto"
    ):
        self.device = precision.device()
        self.layout = MemoryLayout.fastest(network)
        self.network = self.layout.place(network, self.device).eval()
        self.task = task
        self.transform = transform
        self.views = list(views)
        self.precision = precision_name

    def predict(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        scores = [np.zeros((0, self.network.head.out_features), dtype=np.float32)]
        return np.concatenate([*scores, *(self.score(batch) for batch in self._batches(images, batch_size))])

    def predict_with_features(self, images: np.ndarray, batch_size: int = 64) -> tuple[np.ndarray, np.ndarray]:
        head = self.network.head
        nothing = [np.zeros((0, length), dtype=np.float32) for length in (head.out_features, head.in_features)]
        scores, features = zip(nothing, *map(self._predict, self._batches(images, batch_size)), strict=True)
        return np.concatenate(scores), np.concatenate(features)

    def _batches(self, images: np.ndarray, batch_size: int) -> Iterator[Tensor]:
        for start in range(0, len(images), batch_size):
            yield self.transform(to_tensor(images[start : start + batch_size]))

    def score(self, batch: Tensor) -> np.ndarray:
        """(B, 3, *spatial) normalised pictures to (B, K) float32 scores."""
        return self._predict(batch)[0]

    def _predict(self, batch: Tensor) -> tuple[np.ndarray, np.ndarray]:
        resolved = precision.resolve(self.precision, self.device)
        batch = batch.to(self.device, memory_format=self.layout.format(batch))
        with torch.inference_mode(), precision.autocast(resolved, self.device):
            scores, features = predict_views(self.network, self.task, self.views, batch)
        return scores.cpu().numpy(), features.cpu().numpy()

    def to_module(self) -> nn.Module:
        return self.network

    def randomise(self, pictures: Tensor, seed: int) -> nn.Module:
        return randomise_weights(self.network, pictures, seed)

    def save(self, folder: Path) -> JsonObject:
        weights = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        return {
            "predictor": "pipeline.training.trainers.network.NetworkPredictor",
            "views": self.views,
            "precision": self.precision,
            "task": config.to_node(self.task),
            "num_parameters": sum(value.numel() for value in self.network.parameters()),
        }

    @classmethod
    def load(cls, folder: Path, card: JsonObject) -> NetworkPredictor:
        network = Classifier(bare_encoder(card), len(card["classes"]), dropout=0.0)
        load_weights(network, folder / WEIGHTS)
        task = config.build(card["task"], "card.task")
        transform = config.build(card["transform"], "card.transform")
        return cls(network, task, transform, card["views"], card["precision"])


def predict_views(network: Classifier, task: Task, views: Sequence[View], batch: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 3, *spatial) to (B, K) scores and (B, D) features, float32, each the mean over the views."""
    scores, features = [], []
    for name in views:
        logits, of_view = network.with_features(batch.flip(VIEWS[name]) if VIEWS[name] else batch)
        scores.append(task.probabilities(logits.float()))
        features.append(of_view.float())
    return torch.stack(scores).mean(dim=0), torch.stack(features).mean(dim=0)


def bare_encoder(card: JsonObject) -> Any:
    """The encoder that a card names, without its initial weights: the file next to the card holds the trained ones."""
    node = dict(card["encoder"])
    return config.build(node | {"weights": "none"} if "weights" in node else node, "card.encoder")


def load_weights(network: nn.Module, path: Path, stage: str = "train") -> None:
    """Loads the weights of a file, which the stage wrote, into the network.

    Raises:
        UserError: The file cannot be read, or belongs to another network.
    """
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:MAX_REASON]  # torch lists what does not fit on further lines
        raise UserError(f"{path} does not fit its card ({reason}); run dvc repro {stage}") from None
