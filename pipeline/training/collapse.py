"""When a pretraining has collapsed: it computes almost the same for all pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipeline.core.errors import UserError

MIN_SPREAD = 0.01  # of features; networks with random weights have 0.08 to 0.57 on digits and on textures
MAX_LIKENESS = 0.7  # of a teacher's outputs for different pictures; healthy ones have 0 to 0.4, from the first epoch on
PATIENCE = 0.2  # share of the epochs, two at least, before whose end features that are numbers are not called collapsed


def refuse_collapsed(row: Mapping[str, float], num_epochs: int) -> None:
    """Ends a pretraining whose features, or the outputs that its loss compares, tell pictures apart no longer.

    Args:
        row: Figures of an epoch. `spread` is that of the features, 0 to 1 (`features.representation`); `likeness`,
            where an objective has a teacher, the mean cosine of its outputs for different pictures.
        num_epochs: Of the whole pretraining.

    Raises:
        UserError: They have collapsed.
    """
    epoch = int(row["epoch"])
    where = f"pretraining collapsed by epoch {epoch} of {num_epochs}"
    found = row.get("spread", math.inf)
    if math.isnan(found):
        raise UserError(f"{where}: the features are not finite; lower pretrain.learning_rate")
    if epoch < min(num_epochs, max(2, math.ceil(PATIENCE * num_epochs))):
        return
    if found < MIN_SPREAD:
        raise UserError(
            f"{where}: all pictures have almost the same features (spread {found:.2g}, expected at least "
            f"{MIN_SPREAD}); lower pretrain.learning_rate or pretrain.weight_decay"
        )
    likeness = row.get("likeness", -math.inf)
    if not likeness <= MAX_LIKENESS:
        raise UserError(
            f"{where}: the teacher's outputs for different pictures are almost the same (mean cosine {likeness:.2f}, "
            f"expected at most {MAX_LIKENESS}); byol needs objective.predictor=true and objective.batch_norm=true, "
            "dino a lower objective.teacher_temperature or objective.batch_norm=true"
        )
