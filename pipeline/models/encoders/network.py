"""Any convolutional network or transformer of timm or torchvision, without its classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.core.errors import UserError
from pipeline.models.encoders import backbones, pretrained_network


@final
class PretrainedNetwork(nn.Module, Encoder):
    """A network up to its pooled features; auxiliary heads, where it has any, are left out.

    Args:
        architecture: Name in its library, such as `tf_efficientnet_lite0` or `alexnet`.
        weights: What it starts from. `package`: ImageNet weights that an installed package carries. `timm` or
            `torchvision`: those that the network's library downloads, once. `none`: random. Anything else is a file,
            `.safetensors` or a checkpoint of torch, whose names are the library's.
        library: `timm` or `torchvision`.
        options: What the library takes beside, such as `drop_path_rate` (stochastic depth, Huang et al. 2016,
            arXiv:1603.09382) or `dynamic_img_size` (a transformer that takes other sizes than it was made for).
    """

    def __init__(
        self,
        architecture: str,
        weights: str,
        library: backbones.Library = "timm",
        options: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.recipe = (library, architecture, dict(options or {}))
        body = backbones.is_whole(*self.recipe)
        if weights != "none":
            pretrained_network.load(body, library, architecture, weights)
        self.body, self.feature_dim = backbones.headless(body, library)

    def forward(self, x: Tensor) -> Tensor:
        try:
            features: Tensor = self.body(x)
        except (RuntimeError, AssertionError):
            problem = backbones.size_problem(*self.recipe, min(x.shape[2:]))
            if problem:
                raise UserError(problem) from None
            raise
        return features
