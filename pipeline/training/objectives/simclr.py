"""Contrastive learning by a softmax: views of one picture, group or class must be more alike than all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import nn

from pipeline.core.objective_contracts import Positives
from pipeline.core.ranges import PositiveFloat, PositiveInt
from pipeline.training.objectives.comparison import ComparingPretext, Comparison
from pipeline.training.objectives.projection import Projected


@final
@dataclass(frozen=True, kw_only=True)
class SimClr(ComparingPretext):
    """NT-Xent: the softmax over the cosines with all other rows of a batch must find those that belong to the row.

    For a row with several positives the loss is the mean of their negative log-probabilities, so that `positives:
    class` is supervised contrastive learning (SupCon).

    Args:
        temperature: By which cosines are divided, above 0; a lower one minds the most alike of the others more.
        projection_dim: Length of the vectors that are compared, at least 1.
        positives: `view`: two views of one picture belong together; `group`: views of two pictures of one group
            (Azizi et al. 2021, arXiv:2101.05224); `class`: all views of a class, of labelled pictures only.

    Source: Chen et al. 2020, arXiv:2002.05709, section 2.1; van den Oord et al. 2018, arXiv:1810.03748, for the loss;
    with labels Khosla et al. 2020, arXiv:2004.11362, equation 2.
    """

    temperature: PositiveFloat
    projection_dim: PositiveInt
    positives: Positives

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> Comparison:
        from pytorch_metric_learning.losses import SupConLoss  # NTXentLoss makes a row for each positive and negative
        from pytorch_metric_learning.reducers import MeanReducer  # the default leaves rows out whose loss is exactly 0

        loss = SupConLoss(temperature=self.temperature, reducer=MeanReducer())
        return Comparison(Projected(encoder, self.projection_dim), loss, self.positives)
