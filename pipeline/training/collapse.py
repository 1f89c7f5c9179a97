"""When a pretraining has collapsed: it computes almost the same for all pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import linear_regression

from pipeline.core.errors import UserError

MIN_SPREAD = 0.01  # of features; networks with random weights have 0.08 to 0.57 on digits and on textures
MAX_LIKENESS = 0.7  # of a teacher's outputs for different pictures; healthy ones have 0 to 0.4, from the first epoch on
PATIENCE = 0.2  # share of the epochs, two at least, before whose end features that are numbers are not called collapsed
MIN_RECENT = 3  # epochs that count as recent: as many as PATIENCE has, at least 3


def refuse_collapsed(history: Sequence[Mapping[str, float]], num_epochs: int) -> None:
    """Ends a pretraining whose features, or the outputs that its loss compares, tell pictures apart no longer.

    Outputs of a teacher may be alike because the training has just begun: without batch normalisation those of random
    weights are. Then they become less alike from the first epoch on, where a collapse makes them more so. They count as
    collapsed where they would be too alike after the last epoch if they went on as since the first one, or as in the
    recent epochs.

    Args:
        history: Figures of each epoch until now. `spread` is that of the features, 0 to 1 (`features.representation`);
            `likeness`, where an objective has a teacher, the mean cosine of its outputs for different pictures.
        num_epochs: Of the whole pretraining.

    Raises:
        UserError: They have collapsed.
    """
    row = history[-1]
    epoch = int(row["epoch"])
    where = f"pretraining collapsed by epoch {epoch} of {num_epochs}"
    found = row.get("spread", math.inf)
    if math.isnan(found):
        raise UserError(f"{where}: the features are not finite; lower pretrain.learning_rate")
    if epoch < min(num_epochs, _patience(num_epochs)):
        return
    if found < MIN_SPREAD:
        raise UserError(
            f"{where}: all pictures have almost the same features (spread {found:.2g}, expected at least "
            f"{MIN_SPREAD}); lower pretrain.learning_rate or pretrain.weight_decay"
        )
    likeness = row.get("likeness", -math.inf)
    if not likeness <= MAX_LIKENESS and not all(end <= MAX_LIKENESS for end in _at_the_end(history, num_epochs)):
        raise UserError(
            f"{where}: the teacher's outputs for different pictures are almost the same (mean cosine {likeness:.2f}, "
            f"expected at most {MAX_LIKENESS}); byol needs objective.predictor=true and objective.batch_norm=true, "
            "dino a lower objective.teacher_temperature or objective.batch_norm=true"
        )


def _at_the_end(history: Sequence[Mapping[str, float]], num_epochs: int) -> tuple[float, ...]:
    """The likeness after the last epoch by the line through the first epoch and the latest one, and by the least
    squares line through the recent epochs. With many epochs the first line notices late what has come to a halt."""
    found = [row["likeness"] for row in history]
    if len(found) < 2:
        return (found[-1],)
    since_first = found[-1] + (found[-1] - found[0]) / (len(found) - 1) * (num_epochs - len(found))
    recent = found[-max(MIN_RECENT, _patience(num_epochs)) :]
    slope, start = linear_regression(range(len(recent)), recent)
    return since_first, start + slope * (len(recent) - 1 + num_epochs - len(found))


def _patience(num_epochs: int) -> int:
    return max(2, math.ceil(PATIENCE * num_epochs))
