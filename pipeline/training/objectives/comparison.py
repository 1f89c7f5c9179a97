"""What objectives share that compare the rows of a batch: two views of each picture, and which rows belong together."""

from __future__ import annotations

from abc import ABC
from importlib.util import find_spec
from typing import Annotated, Any, final

import torch
from annotated_types import Interval
from torch import Tensor, nn

from pipeline.core.batches import ToTensor
from pipeline.core.errors import UserError
from pipeline.core.objective_contracts import Objective, Positives, Pretext

SphereMargin = Annotated[float, Interval(gt=0, le=2)]  # between vectors of length 1
PACKAGE = "pytorch_metric_learning"
INSTALL = (
    "install Colibri's extra: uv pip install 'colibri[pretrain]' (in the project: uv pip install -e '.[pretrain]')"
)


class ComparingPretext(Pretext, ABC):
    """Two views of each picture; rows with equal keys belong together, and all others are apart.

    Raises:
        UserError: The package that has the losses is missing.
    """

    num_views = 2

    def __post_init__(self) -> None:
        if find_spec(PACKAGE) is None:
            raise UserError(
                f"{type(self).__name__} needs the package 'pytorch-metric-learning', which is not installed; {INSTALL}"
            )

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        return transform(view(stored)), keys


@final
class Comparison(nn.Module, Objective):
    """A loss of pytorch-metric-learning over the rows of a batch.

    Args:
        network: (B, ...) pictures to (B, D) outputs.
        compare: The loss of (B, D) outputs, (B,) keys and what `mine` found.
        positives: What equal keys mean, for messages.
        mine: A miner of the package: from outputs and keys to the triplets that are compared; None: all are.
    """

    def __init__(self, network: nn.Module, compare: nn.Module, positives: Positives, mine: nn.Module | None = None):
        super().__init__()
        self.network, self.compare, self.mine = network, compare, mine
        self.positives = positives

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        (keys,) = facts
        if bool((keys == keys[0]).all()):
            raise UserError(
                f"all {len(keys)} rows of a batch are of one {self.positives}, so there is nothing to tell apart; "
                "raise pretrain.batch_size, or set objective.positives=view"
            )
        found: Any = None if self.mine is None else self.mine(outputs, keys)
        loss: Tensor = self.compare(outputs, keys, found)
        return loss
