"""The loss of the worst cell of label x property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, final

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.core.contracts import Risk, Task
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveFloat
from pipeline.datasets.subgroups import check_property_name, property_values, subgroup_ids

if TYPE_CHECKING:
    from torch import Tensor


MIN_SAMPLES = 2  # of a cell, on average


@final
@dataclass(frozen=True, kw_only=True)
class GroupDro(Risk):
    """Group distributionally robust optimisation: cells with a high loss gain weight, step by step.

    At each step the weight q of a cell is multiplied by exp(step_size x its mean loss in the batch), a cell absent
    from the batch counting as loss 0; the weights are made to sum to 1, and the risk is sum(q x loss). Rare cells come
    seldom, so it learns faster and steadier together with conf/sampling/balanced.yaml. With several labels per sample
    a cell is a combination of labels at a value of the property: sensible for few labels only.

    Args:
        by: The property: `prop_brightness` or another measured property, `attr_*` for what the source told.
        num_bins: Bins, equally filled, of a property that is a number, at least 2.
        step_size: Of the weights, above 0; 0.01 in the paper.

    Source: Sagawa, Koh, Hashimoto and Liang 2020, arXiv:1911.08731, algorithm 1.
    """

    by: str
    num_bins: Annotated[int, Ge(2)]
    step_size: PositiveFloat

    def __post_init__(self) -> None:
        check_property_name(self.by)

    def cells(self, targets: np.ndarray, index: pd.DataFrame) -> np.ndarray:
        cells = subgroup_ids(targets, property_values(index, self.by, self.num_bins, "risk.by"))
        num_subgroups = int(cells.max()) + 1
        if num_subgroups * MIN_SAMPLES > len(cells):
            raise UserError(
                f"labels and {self.by} make {num_subgroups:,} cells of {len(cells):,} samples, and a cell of one "
                "sample would be learnt by heart; take fewer risk.num_bins or labels, or sampling=balanced instead"
            )
        return cells

    def __call__(
        self, task: Task, logits: Tensor, targets: Tensor, cells: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        import torch

        present = cells.unique()
        losses = torch.stack([task.loss(logits[cells == one], targets[cells == one]) for one in present])
        grown = weights.clone()
        grown[present] *= (self.step_size * losses.detach()).exp().to(grown.dtype)
        grown /= grown.sum()
        return (grown[present].to(losses.dtype) * losses).sum(), grown
