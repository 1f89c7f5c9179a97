"""A learning-rate range test: training with a rate that grows at each step, to see where the loss falls fastest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Annotated, final

import torch
from annotated_types import Ge
from torch import nn

from pipeline.core.batches import ImageDataset
from pipeline.core.contracts import Risk, Task
from pipeline.core.ranges import PositiveFloat, Seed
from pipeline.training.loop import Loop
from pipeline.training.optimisation import Execution, Optimisation
from pipeline.training.precision import Precision
from pipeline.training.supervised import Supervised
from pipeline.training.trainers.network import Classifier

SMOOTHING = 0.9  # decay per step of the running mean of the loss
DIVERGED = 4.0  # times the lowest smoothed loss


@final
@dataclass(frozen=True, kw_only=True)
class LearningRateRangeTest:
    """The loss of `num_steps` steps of AdamW, whose learning rate grows by the same factor from step to step.

    It stops early if the loss is not finite, or several times the lowest one. The other options are those of
    `pipeline.training.trainers.finetune.FineTune`.

    Args:
        lowest: Learning rate of the first step, above 0.
        highest: Learning rate of the last step, above `lowest`.
        num_steps: Number of steps, at least 10.

    Source: Smith 2017, arXiv:1506.01186, section 3.3.
    """

    lowest: PositiveFloat
    highest: float
    num_steps: Annotated[int, Ge(10)]
    batch_size: int
    weight_decay: float
    layer_decay: float | None
    dropout: float
    precision: Precision
    seed: Seed

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ValueError(f"lowest must be below highest, got {self.lowest} and {self.highest}")

    def __call__(self, encoder: nn.Module, task: Task, risk: Risk, train: ImageDataset) -> list[dict[str, float]]:
        """A row per step: `learning_rate`, `loss` of the batch and `smoothed`, its running mean."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = Classifier(encoder, train.targets.shape[1], self.dropout)
            objective = Supervised(network, task.fit_class_weights(train.targets), risk, train.num_subgroups)
            return list(self._rows(Loop(objective, train, self._optimisation(len(train)), self._execution())))

    def _rows(self, loop: Loop) -> Iterator[dict[str, float]]:
        mean, lowest = 0.0, math.inf
        for step, loss in enumerate(islice(chain.from_iterable(loop.steps() for _ in count()), self.num_steps)):
            if not math.isfinite(loss):
                return
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            smoothed = mean / (1 - SMOOTHING ** (step + 1))
            lowest = min(lowest, smoothed)
            yield {"learning_rate": self.highest * self.factor(step), "loss": loss, "smoothed": smoothed}
            if smoothed > DIVERGED * lowest:
                return

    def factor(self, step: int) -> float:
        """The learning rate as a share of `highest`, at a step counted from 0."""
        return float((self.lowest / self.highest) ** (1 - step / (self.num_steps - 1)))

    def _optimisation(self, num_samples: int) -> Optimisation:
        return Optimisation(
            batch_size=min(self.batch_size, num_samples),
            accumulation=1,
            epochs=1,
            learning_rate=self.highest,
            schedule=lambda _: self.factor,
            weight_decay=self.weight_decay,
            layer_decay=self.layer_decay,
            ema_decay=None,
            seed=self.seed,
        )

    def _execution(self) -> Execution:
        return Execution(precision=self.precision)
