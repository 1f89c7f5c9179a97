"""Options of the training loop: of its optimiser, and of what executes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """Options of AdamW and of its steps.

    Args:
        batch_size: Samples of one forward and backward pass, over all processes, at least 2.
        accumulation: Batches per step, at least 1.
        epochs: Passes over train, at least 1; epochs are added until there are `min_steps` steps.
        learning_rate: The highest one, which `schedule` multiplies.
        schedule: Takes the number of all steps; returns the factor of the learning rate at each step.
        weight_decay: Of weight matrices and kernels only.
        layer_decay: Factor of the learning rate from each layer to the one below it; None for one rate for all layers.
        ema_decay: Decay per step of the running average of the weights; None for no average.
        seed: Seed of the order of samples and of augmentation.
        min_steps: Least number of optimiser steps, at least 0.
        section: Of params.yaml with these options, for messages.
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
    section: str = "train"


@final
@dataclass(frozen=True, kw_only=True)
class Execution:
    """What computes a step.

    Args:
        precision: `auto`, `fp32` or `bf16`.
        compile: Whether torch.compile compiles the network.
    """

    precision: str
    compile: bool = False
