"""No attribution maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.core.evaluation_contracts import Attribution

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True, kw_only=True)
class NoAttribution(Attribution):
    """Maps of zeros; the stage `explain` ends without them."""

    title = ""
    explains = False

    def __call__(self, model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
        return pictures.new_zeros((len(pictures), *pictures.shape[2:]))
