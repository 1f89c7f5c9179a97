"""A student predicts what its teacher, the average of its earlier weights, computes of another view of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast, final

import torch
from annotated_types import Interval
from torch import Tensor, nn

from pipeline.core.batches import ToTensor
from pipeline.core.objective_contracts import Objective, Pretext
from pipeline.core.ranges import PositiveInt
from pipeline.training.objectives.projection import Projected, make_projection
from pipeline.training.objectives.teacher import LIKENESS, Likeness, PairedBy, StudentAndTeacher, split_views


@final
@dataclass(frozen=True, kw_only=True)
class Byol(Pretext):
    """BYOL: no picture is compared with another one; a predictor and a slow teacher prevent the collapse.

    Args:
        decay: Of the teacher's weights at each step, 0 to below 1: 0 copies the student's after each step.
        projection_dim: Length of the vectors that are predicted, at least 1.
        predictor: Whether the student has one; without it the features collapse, and pretraining stops.
        batch_norm: Whether projection and predictor normalise by the batch. Several processes without a GPU normalise
            each by its share.
        positives: `view`: both views show one picture; `group`: two pictures of one group.

    Source: Grill et al. 2020, arXiv:2006.07733; there the decay rises to 1 by the end, here it is constant.
    """

    decay: Annotated[float, Interval(ge=0, lt=1)]
    projection_dim: PositiveInt
    predictor: bool
    batch_norm: bool
    positives: PairedBy

    num_views = 2

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> Bootstrap:
        student = Projected(encoder, self.projection_dim, normalise=self.batch_norm)
        hidden = int(cast(int, encoder.feature_dim))
        predictor = make_projection(self.projection_dim, self.projection_dim, hidden, self.batch_norm)
        return Bootstrap(StudentAndTeacher(student, self.decay, predictor if self.predictor else None))

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        return (transform(view(stored)),)


@final
class Bootstrap(nn.Module, Objective):
    """2 - 2 cos between the prediction of one view and the teacher's projection of the other: 0 to 4.

    Args:
        network: Steps change its student; its teacher follows.
    """

    network: StudentAndTeacher

    def __init__(self, network: StudentAndTeacher):
        super().__init__()
        self.network, self.likeness = network, Likeness()

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        predictions, targets = split_views(outputs)
        self.likeness.add(targets)
        return 2 - 2 * nn.functional.cosine_similarity(predictions, targets).mean()

    def after_step(self) -> None:
        self.network.update_teacher()

    def epoch_figures(self) -> dict[str, float]:
        return {LIKENESS: self.likeness.take()}
