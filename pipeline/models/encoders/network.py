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
    """A network up to its pooled features, without auxiliary heads.

    Args:
        architecture: Name in its library, such as `tf_efficientnet_lite0` or `alexnet`.
        weights: Initial weights. `package`: ImageNet weights of an installed package. `timm` or `torchvision`: those
            that the network's library downloads once. `none`: random. Anything else is the path of a file,
            `.safetensors` or a checkpoint of torch, with the tensor names of the library.
        library: `timm` or `torchvision`.
        options: Further arguments of the library, such as `drop_path_rate` (stochastic depth, Huang et al. 2016,
            arXiv:1603.09382) or `dynamic_img_size` (a transformer for other sizes than it was trained at).
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
        body = backbones.make_classifier(*self.recipe)
        if weights != "none" and next(body.parameters()).is_meta:
            pretrained_network.check(body, library, architecture, weights)
        elif weights != "none":
            pretrained_network.load(body, library, architecture, weights)
        self.body, self.feature_dim = backbones.remove_classifier(body, library)

    def forward(self, x: Tensor) -> Tensor:
        try:
            features: Tensor = self.body(x)
        except (RuntimeError, AssertionError):
            problem = backbones.size_problem(*self.recipe, min(x.shape[2:]))
            if problem:
                raise UserError(problem) from None
            raise
        return features
