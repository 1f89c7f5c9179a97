"""Grad-CAM: the last feature map of a network, weighted by the gradients of the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Attribution
from pipeline.evaluation.attributions.gradients import refuse_without_gradients

if TYPE_CHECKING:
    from torch import Tensor, nn

SEQUENCE = 3  # axes of (B, patches, channels)


@final
@dataclass(frozen=True, kw_only=True)
class GradCam(Attribution):
    """The last feature map of a convolutional network, enlarged to the picture; captum's LayerGradCam, with its sign.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.
    """

    title = "Grad-CAM"

    def __call__(self, model: nn.Module, pictures: Tensor, classes: Tensor) -> Tensor:
        from captum.attr import LayerAttribution, LayerGradCam

        refuse_without_gradients(model, pictures, "grad_cam")
        maps: Any = LayerGradCam(model, find_last_map(model, pictures)).attribute(pictures, target=classes)
        if pictures.ndim == 5 and maps.ndim == 4:  # an encoder of single frames has a map for each of them
            maps = maps.unflatten(0, (len(pictures), -1)).movedim(1, 2)
        mode = "trilinear" if pictures.ndim == 5 else "bilinear"
        enlarged: Any = LayerAttribution.interpolate(maps, tuple(pictures.shape[2:]), mode)
        result: Tensor = enlarged.squeeze(1).detach().float()
        return result


def find_last_map(model: nn.Module, pictures: Tensor) -> nn.Module:
    """The last layer whose output is a map, (B, C, h, w) or (B, C, t, h, w), with more than one place in h and in w.

    Raises:
        UserError: There is none, or the network goes on with a sequence of patches, as a transformer does.
    """
    import torch
    from torch import nn

    outputs: list[tuple[nn.Module, int]] = []

    def record(module: nn.Module, _: Any, output: Any) -> None:
        if not torch.is_tensor(output):
            return
        if type(module) is nn.LayerNorm and output.ndim == 5:  # patches of a transformer, whose channels come last
            outputs.append((module, SEQUENCE))
        elif output.ndim == SEQUENCE or (output.ndim in (4, 5) and min(output.shape[-2:]) > 1):
            outputs.append((module, output.ndim))

    hooks = [module.register_forward_hook(record) for module in model.modules()]
    try:
        with torch.no_grad():
            model(pictures[:1])
    finally:
        for hook in hooks:
            hook.remove()
    if not outputs or outputs[-1][1] == SEQUENCE:
        raise UserError(
            "attribution=grad_cam needs a convolutional network, and this model has no feature map before its output; "
            "set attribution=occlusion, which needs none"
        )
    return outputs[-1][0]
