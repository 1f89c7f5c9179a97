"""A student assigns a view to prototypes as its teacher, the average of its earlier weights, assigns the other view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.nn.functional import linear, log_softmax, normalize, softmax

from pipeline.core.batches import ToTensor
from pipeline.core.objective_contracts import Objective, Pretext
from pipeline.core.ranges import PositiveFloat, PositiveInt
from pipeline.training.objectives.projection import Projected
from pipeline.training.objectives.teacher import LIKENESS, Likeness, PairedBy, StudentAndTeacher, split_views

BelowOne = Annotated[float, Interval(ge=0, lt=1)]


@final
@dataclass(frozen=True, kw_only=True)
class Dino(Pretext):
    """DINO with two views: a sharp, centred teacher prevents the collapse; no picture is compared with another one.

    Args:
        num_prototypes: Directions that views are assigned to, at least 2.
        projection_dim: Length of the vectors that are compared with the prototypes, at least 1.
        decay: Of the teacher's weights at each step, 0 to below 1.
        student_temperature: By which the student's cosines are divided, above 0.
        teacher_temperature: By which the teacher's are divided, above 0; below the student's, since sharpening keeps
            views from being assigned to all prototypes alike.
        centre_decay: Of the mean output of the teacher, which is subtracted from its outputs so that no prototype takes
            all views; 0 to below 1.
        batch_norm: Whether the projection normalises by the batch. Several processes without a GPU normalise each by
            its share.
        positives: `view`: both views show one picture; `group`: two pictures of one group.

    Source: Caron et al. 2021, arXiv:2104.14294; without its small crops, and with constant decay and temperature.
    """

    num_prototypes: Annotated[int, Interval(ge=2)]
    projection_dim: PositiveInt
    decay: BelowOne
    student_temperature: PositiveFloat
    teacher_temperature: PositiveFloat
    centre_decay: BelowOne
    batch_norm: bool
    positives: PairedBy

    num_views = 2

    def objective(self, encoder: nn.Module, shape: tuple[int, ...]) -> SelfDistillation:
        projected = Projected(encoder, self.projection_dim, normalise=self.batch_norm)
        student = nn.Sequential(projected, Prototypes(self.projection_dim, self.num_prototypes))
        return SelfDistillation(
            StudentAndTeacher(student, self.decay),
            self.num_prototypes,
            self.student_temperature,
            self.teacher_temperature,
            self.centre_decay,
        )

    def make_rows(
        self, stored: Tensor, keys: Tensor, view: ToTensor, transform: ToTensor, generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        return (transform(view(stored)),)


@final
class Prototypes(nn.Module):
    """(B, dim) to (B, num): cosines with directions that training moves."""

    def __init__(self, dim: int, num: int):
        super().__init__()
        self.directions = nn.Parameter(torch.randn(num, dim))

    def forward(self, x: Tensor) -> Tensor:
        return linear(normalize(x), normalize(self.directions))


@final
class SelfDistillation(nn.Module, Objective):
    """Cross-entropy of the student's assignment of one view to the teacher's of the other.

    Args:
        network: Steps change its student; its teacher follows.
        num_prototypes: K, half the outputs of the network.
        student_temperature: Above 0.
        teacher_temperature: Above 0.
        centre_decay: 0 to below 1.
    """

    network: StudentAndTeacher
    centre: Tensor

    def __init__(
        self,
        network: StudentAndTeacher,
        num_prototypes: int,
        student_temperature: float,
        teacher_temperature: float,
        centre_decay: float,
    ):
        super().__init__()
        self.network, self.likeness = network, Likeness()
        self.student_temperature, self.teacher_temperature = student_temperature, teacher_temperature
        self.centre_decay = centre_decay
        self.register_buffer("centre", torch.zeros(num_prototypes))
        self.means: list[Tensor] = []  # of the teacher's outputs, of the parts of a step

    def loss(self, outputs: Tensor, *facts: Tensor) -> Tensor:
        students, teachers = split_views(outputs)
        self.means.append(teachers.detach().mean(dim=0))
        targets = softmax((teachers - self.centre) / self.teacher_temperature, dim=1)
        self.likeness.add(targets)
        return -(targets * log_softmax(students / self.student_temperature, dim=1)).sum(dim=1).mean()

    def after_step(self) -> None:
        self.centre.lerp_(torch.stack(self.means).mean(dim=0), 1 - self.centre_decay)
        self.means.clear()
        self.network.update_teacher()

    def epoch_figures(self) -> dict[str, float]:
        return {LIKENESS: self.likeness.take()}
