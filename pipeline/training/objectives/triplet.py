"""Contrastive learning by triplets: a row must be nearer to one of its own than to another, by a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from torch import nn

from pipeline.core.objective_contracts import Positives
from pipeline.core.ranges import PositiveInt
from pipeline.training.objectives.comparison import ComparingPretext, Comparison, SphereMargin
from pipeline.training.objectives.projection import Projected


@final
@dataclass(frozen=True, kw_only=True)
class Triplet(ComparingPretext):
    """Of one triplet for each row, what its positive is farther than its negative, plus the margin; nothing below 0.

    Distances are those of vectors of length 1, from 0 to 2. A row's positive is the farthest that belongs to it. The
    loss is the mean over the triplets that cost anything. All triplets of a batch of 256 pictures of 10 classes would
    be 12 million; one for each row takes the time of a table of distances.

    Args:
        margin: By which the negative must be farther than the positive, above 0 to 2.
        miner: Which negative a row gets. `semihard`: the nearest that is farther than its positive, and the row is left
            out where there is none; `hard`: the nearest of all (Hermans et al. 2017, arXiv:1703.07737).
        projection_dim: Length of the vectors that are compared, at least 1.
        positives: `view`: two views of one picture belong together; `group`: views of two pictures of one group;
            `class`: all views of a class, of labelled pictures only.

    Source: Schroff, Kalenichenko and Philbin 2015, arXiv:1503.03832, section 3.
    """

    margin: SphereMargin
    miner: Literal["semihard", "hard"]
    projection_dim: PositiveInt
    positives: Positives

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> Comparison:
        from pytorch_metric_learning.losses import TripletMarginLoss
        from pytorch_metric_learning.miners import BatchEasyHardMiner

        # TripletMarginMiner finds all triplets, in a table of rows x rows x rows
        miner = BatchEasyHardMiner(pos_strategy="hard", neg_strategy=self.miner)
        loss = TripletMarginLoss(margin=self.margin)
        return Comparison(Projected(encoder, self.projection_dim), loss, self.positives, miner)
