"""A network that learns from the running average of itself, its teacher."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

LIKENESS = "likeness"
PairedBy = Literal["view", "group"]  # what both rows of a pair show: one picture, or two of one group


@final
class StudentAndTeacher(nn.Module):
    """(B, 3, *spatial) pictures to (B, 2 D) outputs: D of the student, then D of the teacher, without gradients.

    Both see the same rows, so that loop and processes treat the outputs as those of any network. In training the
    teacher's batch normalisation uses the batch, as the student's does (Grill et al. 2020, arXiv:2006.07733).

    Args:
        student: (B, 3, *spatial) to (B, D); holds the encoder.
        decay: Of the teacher's weights at each step: decay x teacher + (1 - decay) x student; 0 to 1.
        predictor: (B, D) to (B, D), after the student only; None for none.
    """

    def __init__(self, student: nn.Module, decay: float, predictor: nn.Module | None = None):
        super().__init__()
        self.student = student
        self.predictor = predictor or nn.Identity()
        self.teacher = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(decay)).requires_grad_(False)
        self.teacher.n_averaged.fill_(1)  # the initial weights count: torch would replace them at the first update

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self.teacher(x)
        return torch.cat([self.predictor(self.student(x)), targets], dim=1)

    def update_teacher(self) -> None:
        self.teacher.update_parameters(self.student)


def split_views(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """(R, 2 D) outputs to (R, D) of the student, and (R, D) of the teacher for the other view of the same pair.

    Args:
        outputs: Of `StudentAndTeacher`; rows 0 and 1 are a pair, 2 and 3 the next one.
    """
    students, teachers = outputs.chunk(2, dim=1)
    return students, teachers.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)


@final
class Likeness(nn.Module):
    """How alike the teacher's outputs for different pictures are: the mean cosine over the batches of an epoch.

    1 where all pictures have one output: a student that predicts it has nothing to learn. The sums are buffers, so that
    a resumed epoch has the figure of an undisturbed one.
    """

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros((), dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def add(self, targets: Tensor) -> None:
        """Adds a batch of (R, D) targets, two rows of each of at least 2 pictures."""
        directions = normalize(targets[::2].detach().double())
        number = len(directions)
        pairs = number * (number - 1)
        self.total += (directions.sum(dim=0).square().sum() - directions.square().sum()) / pairs
        self.count += 1

    def take(self) -> float:
        """The mean since the last call."""
        mean = float(self.total / self.count)
        self.total.zero_()
        self.count.zero_()
        return mean
