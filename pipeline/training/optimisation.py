"""How a loop goes: the choices of its optimiser, and of what executes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """AdamW, and how many samples each of its steps takes.

    Args:
        batch_size: Samples of which the loss is computed at once, by all processes together, at least 2.
        accumulation: Batches per step, at least 1.
        epochs: Passes over train, at least 1; more where they are fewer than `min_steps` steps.
        learning_rate: The highest, before `schedule`.
        schedule: The number of all steps to the factor of the learning rate at each step.
        weight_decay: On matrices and kernels alone.
        layer_decay: Factor of the learning rate from each layer to the one below it; None for the same everywhere.
        ema_decay: Of the running average of the weights; None for no average.
        seed: Of the order of samples and of augmentation.
        min_steps: At least 0.
    """

    batch_size: int
    accumulation: int
    epochs: int
    learning_rate: float
    schedule: Callable[[int], Callable[[int], float]]
    weight_decay: float
    layer_decay: float | None
    ema_decay: float | None
    seed: int
    min_steps: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Execution:
    """What computes a step.

    Args:
        precision: `auto`, `fp32` or `bf16`.
        compile: By torch.compile.
    """

    precision: str
    compile: bool = False
