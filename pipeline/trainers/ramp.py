"""A learning-rate range test: training with a rate that grows at each step, to see where learning is fastest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, final

import torch
from torch import Tensor, nn

from pipeline.core.contracts import RangeTest, Risk, Task
from pipeline.core.samples import Samples
from pipeline.trainers import precision
from pipeline.trainers.network import Classifier
from pipeline.trainers.parameters import parameter_groups

SMOOTHING = 0.9  # share of the running mean of the loss that stays at each step
DIVERGED = 4.0  # times the lowest smoothed loss


@final
@dataclass(frozen=True, kw_only=True)
class Ramp(RangeTest):
    """The loss of `num_steps` steps of AdamW, whose learning rate grows by the same factor from step to step.

    It stops early where the loss is no number, or several times the lowest one. The other choices are those of
    `pipeline.trainers.finetune.FineTune`.

    Args:
        lowest: Learning rate of the first step, above 0.
        highest: Of the last step, above `lowest`.
        num_steps: At least 10.

    Source: Smith 2017, arXiv:1506.01186, section 3.3.
    """

    lowest: float
    highest: float
    num_steps: int
    batch_size: int
    weight_decay: float
    layer_decay: float | None
    dropout: float
    precision: Literal["auto", "fp32", "bf16"]
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest < math.inf:
            raise ValueError(f"lowest must be above 0 and below highest, got {self.lowest} and {self.highest}")
        if self.num_steps < 10:
            raise ValueError(f"num_steps must be at least 10, got {self.num_steps}")

    def __call__(self, encoder: nn.Module, task: Task, risk: Risk, train: Samples) -> list[dict[str, float]]:
        """Rows of `learning_rate`, `loss` of the batch and `smoothed`, its running mean; no weights are kept."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = Classifier(encoder, train.targets.shape[1], self.dropout)
            return list(self._rows(network, task.weighed(train.targets), risk, train))

    def _rows(self, network: Classifier, task: Task, risk: Risk, train: Samples) -> Iterator[dict[str, float]]:
        where = precision.device()
        resolved = precision.resolve(self.precision, where)
        network.to(where).train()
        optimiser = torch.optim.AdamW(parameter_groups(network, self.weight_decay, 1.0, self.layer_decay))
        shares = [group["lr"] for group in optimiser.param_groups]  # of the head's learning rate
        num_cells = 1 if train.cells is None else int(train.cells.max()) + 1
        weights = torch.full((num_cells,), 1 / num_cells, dtype=torch.float64).to(where)
        mean, lowest = 0.0, math.inf
        for step, (images, *rest) in enumerate(islice(self._batches(train), self.num_steps)):
            rate = self.lowest * (self.highest / self.lowest) ** (step / (self.num_steps - 1))
            for group, share in zip(optimiser.param_groups, shares, strict=True):
                group["lr"] = rate * share
            with precision.autocast(resolved, where):
                logits = network(images.to(where))
            targets, cells = (one.to(where) for one in rest)
            loss, weights = risk(task, logits.float(), targets, cells, weights)
            if not math.isfinite(loss.item()):
                return
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss.item()
            smoothed = mean / (1 - SMOOTHING ** (step + 1))
            lowest = min(lowest, smoothed)
            yield {"learning_rate": rate, "loss": loss.item(), "smoothed": smoothed}
            if smoothed > DIVERGED * lowest:
                return
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()

    def _batches(self, train: Samples) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Pass after pass over train."""
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            yield from train.batches(self.batch_size, generator)
