"""A trained network: encoder and head together, saved as safetensors."""

from __future__ import annotations

from collections.abc import Sequence
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
from pipeline.core.contracts import Predictor, Task
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Explainable
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
        logits: Tensor = self.head(self.dropout(self.encoder(x)))
        return logits


@final
class NetworkPredictor(Predictor, Explainable):
    """Scores of a `Classifier`, averaged over the views.

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
        scores = [
            self.score(self.transform(to_tensor(images[start : start + batch_size])))
            for start in range(0, len(images), batch_size)
        ]
        return np.concatenate(scores) if scores else np.zeros((0, self.network.head.out_features), dtype=np.float32)

    def score(self, batch: Tensor) -> np.ndarray:
        """(B, 3, *spatial) normalised pictures to (B, K) float32 scores."""
        resolved = precision.resolve(self.precision, self.device)
        batch = batch.to(self.device, memory_format=self.layout.format(batch))
        with torch.inference_mode(), precision.autocast(resolved, self.device):
            views = [batch.flip(VIEWS[name]) if VIEWS[name] else batch for name in self.views]
            scores = [self.task.probabilities(self.network(view).float()) for view in views]
        result: np.ndarray = torch.stack(scores).mean(dim=0).cpu().numpy()
        return result

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


def bare_encoder(card: JsonObject) -> Any:
    """The encoder that a card names, without its initial weights: the file next to the card holds the trained ones."""
    node = dict(card["encoder"])
    return config.build(node | {"weights": "none"} if "weights" in node else node, "card.encoder")


def load_weights(network: nn.Module, path: Path) -> None:
    """Loads the weights of a file into the network.

    Raises:
        UserError: The file cannot be read, or belongs to another network.
    """
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:MAX_REASON]  # torch lists what does not fit on further lines
        raise UserError(f"{path} does not fit its card ({reason}); run dvc repro train") from None
