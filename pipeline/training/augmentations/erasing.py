"""A rectangle of noise over part of the picture, so that the label does not depend on one part alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from annotated_types import Interval
from torch import Tensor
from torchvision.transforms import v2

from pipeline.core.contracts import Augmentation
from pipeline.core.rng import draw_from

LEAST = 0.02  # of the area, as in the paper


@final
@dataclass(frozen=True, kw_only=True)
class Erasing(Augmentation):
    """Random pixels replace a rectangle of random size, shape (1 : 3 to 3 : 1) and position in some samples.

    All frames or slices have the same pixels there.

    Args:
        probability: Probability that a sample is changed, above 0 to 1.
        max_area: Largest share of the picture that is replaced, above 0.02 and below 1; 0.4 in the paper.

    Source: Zhong et al. 2020, arXiv:1708.04896; the rectangle is torchvision's.
    """

    spatial_rank = None

    probability: Annotated[float, Interval(gt=0, le=1)]
    max_area: Annotated[float, Interval(gt=LEAST, lt=1)]

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(len(batch), generator=generator) < self.probability
        choose = v2.RandomErasing(scale=(LEAST, self.max_area), ratio=(1 / 3, 3.0))
        result = batch.clone()
        with draw_from(generator):
            for position in chosen.nonzero().flatten().tolist():
                box = choose.make_params([batch[position].flatten(0, -3)])
                if box["v"] is None:  # ten tries found no rectangle that fits
                    continue
                rows, columns = (slice(box[at], box[at] + box[size]) for at, size in (("i", "h"), ("j", "w")))
                part = result[position].movedim(0, -3)[..., rows, columns]
                part.copy_(torch.randint(0, 256, part.shape[-3:], dtype=torch.uint8))
        return result
