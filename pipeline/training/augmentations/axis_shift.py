"""Small shifts of a clip in time, or of a volume along its slices; the frame at the end is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor

from pipeline.core.contracts import Augmentation


@final
@dataclass(frozen=True, kw_only=True)
class AxisShift(Augmentation):
    """Moves the frames or slices of each sample by a random whole number, the same for all pixels.

    Nothing runs backwards: where frames are missing, the first or the last one stands.

    Args:
        max_fraction: Largest shift as a share of the number of frames or slices, 0 to 0.5.
    """

    spatial_rank = 3

    max_fraction: Annotated[float, Interval(ge=0, le=0.5)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        number = batch.shape[2]
        reach = round(self.max_fraction * number)
        if reach == 0:
            return batch
        offsets = torch.randint(0, 2 * reach + 1, (len(batch),), generator=generator) - reach
        frames = (torch.arange(number) - offsets[:, None]).clamp(0, number - 1)
        return torch.stack([one.index_select(1, chosen) for one, chosen in zip(batch, frames, strict=True)])
