"""What attributions by gradients need of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


def refuse_without_gradients(model: nn.Module, pictures: Tensor, name: str) -> None:
    """Refuses a model that cannot be differentiated: an estimator on features, or an encoder without gradients.

    Raises:
        UserError: The output does not depend on the picture by operations of torch.
    """
    import torch

    with torch.enable_grad():
        output = model(pictures[:1].detach().requires_grad_())
    if not output.requires_grad:
        raise UserError(
            f"attribution={name} needs gradients, and this model has none with respect to the picture; "
            "set attribution=occlusion, which needs none"
        )
