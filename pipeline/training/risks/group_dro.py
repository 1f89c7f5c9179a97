"""The risk of the worst cell of label x property."""

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


MIN_SAMPLES = 2  # per cell, on average


@final
@dataclass(frozen=True, kw_only=True)
class GroupDro(Risk):
    """Group distributionally robust optimisation: cells with a high loss gain weight, step by step.

    At each step the weight q of a cell is multiplied by exp(step_size x its mean loss in the batch); a cell absent
    from the batch has loss 0. The weights are normalised to sum to 1, and the risk is sum(q x loss). Rare cells are
    seldom in a batch, so training is faster and steadier with conf/sampling/balanced.yaml. With several labels per
    sample a cell is a combination of labels at a value of the property: use it with few labels only.

    Args:
        by: The property: `prop_brightness` or another measured property, or `attr_*`, an attribute of the source.
        num_bins: Equally filled bins of a numeric property, at least 2.
        step_size: Step size of the weights, above 0; 0.01 in the paper.

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
                f"risk.by: labels and {self.by} make {num_subgroups:,} cells of {len(cells):,} samples, expected "
                f"{MIN_SAMPLES} or more per cell; set fewer risk.num_bins, or sampling=balanced and risk=mean"
            )
        return cells

    def __call__(
        self, task: Task, logits: Tensor, targets: Tensor, cells: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        import torch

        present = cells.unique()
        losses = torch.stack([task.loss(logits[cells == one], targets[cells == one]) for one in present])
        new_weights = weights.clone()
        new_weights[present] *= (self.step_size * losses.detach()).exp().to(new_weights.dtype)
        new_weights /= new_weights.sum()
        return (new_weights[present].to(losses.dtype) * losses).sum(), new_weights
