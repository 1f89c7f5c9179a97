"""The supervised objective of a classifier: the risk of its outputs against the targets."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from pipeline.core.contracts import Risk, Task
from pipeline.core.objective_contracts import Objective


@final
class Supervised(nn.Module, Objective):
    """The risk over the losses of a task, and the weights of its cells, which it changes at each step.

    Args:
        network: (B, ...) pictures to (B, K) logits.
        task: As `fit_class_weights` returned it.
        risk: What is minimised.
        num_subgroups: Cells of label x property, at least 1.
    """

    cell_weights: Tensor

    def __init__(self, network: nn.Module, task: Task, risk: Risk, num_subgroups: int):
        super().__init__()
        self.network, self.task, self.risk = network, task, risk
        self.register_buffer("cell_weights", torch.full((num_subgroups,), 1 / num_subgroups, dtype=torch.float64))

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        targets, cells = facts
        loss, self.cell_weights = self.risk(self.task, outputs, targets, cells, self.cell_weights)
        return loss
