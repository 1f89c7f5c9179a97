"""Contrastive learning by pairs: those that belong together come near, others go beyond a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from pipeline.core.objective_contracts import Positives
from pipeline.core.ranges import PositiveInt
from pipeline.training.objectives.comparison import ComparingPretext, Comparison, SphereMargin
from pipeline.training.objectives.projection import Projected


@final
@dataclass(frozen=True, kw_only=True)
class Pairwise(ComparingPretext):
    """Of all pairs of rows of a batch, half the squared distance where they belong together, and half the squared
    shortfall from the margin where they do not.

    Distances are those of vectors of length 1, from 0 to 2. The loss is the mean over the pairs that belong together
    plus the mean over the others that are nearer than the margin: in a batch of 256 pictures the others are 500 times
    as many, and most of them are far apart soon.

    Args:
        margin: Distance beyond which a pair that does not belong together costs nothing, above 0 to 2.
        projection_dim: Length of the vectors that are compared, at least 1.
        positives: `view`: two views of one picture belong together; `group`: views of two pictures of one group;
            `class`: all views of a class, of labelled pictures only.

    Source: Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100, equation 4.
    """

    margin: SphereMargin
    projection_dim: PositiveInt
    positives: Positives

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> Comparison:
        from pytorch_metric_learning.losses import ContrastiveLoss
        from pytorch_metric_learning.reducers import AvgNonZeroReducer, MeanReducer, MultipleReducers

        class SquaredPairs(ContrastiveLoss):  # type: ignore[misc]
            """The library's loss is of distances; that of the paper is of half their squares."""

            def pos_calc(self, pos_pair_dist: Tensor, margin: float) -> Tensor:
                cost: Tensor = super().pos_calc(pos_pair_dist, margin)
                return cost.square() / 2

            def neg_calc(self, neg_pair_dist: Tensor, margin: float) -> Tensor:
                cost: Tensor = super().neg_calc(neg_pair_dist, margin)
                return cost.square() / 2

        reducer = MultipleReducers({"pos_loss": MeanReducer(), "neg_loss": AvgNonZeroReducer()})
        loss = SquaredPairs(pos_margin=0, neg_margin=self.margin, reducer=reducer)
        return Comparison(Projected(encoder, self.projection_dim), loss, self.positives)
