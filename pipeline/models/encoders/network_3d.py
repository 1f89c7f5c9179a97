"""Networks of torchvision and MONAI for clips and volumes, without their classifiers."""

from __future__ import annotations

from typing import Literal, final

from torch import Tensor, nn

from pipeline.core.contracts import Encoder
from pipeline.models.encoders import backbones_3d, pretrained_network


@final
class Network3d(nn.Module, Encoder):
    """A network over three axes up to its pooled features.

    Args:
        architecture: Of torchvision `r3d_18`, `mc3_18`, `r2plus1d_18`, `s3d`, `mvit_v2_s` or `swin3d_t`; of MONAI
            `densenet121`, `resnet18` or `resnet50`.
        weights: Initial weights. `none`: random. `torchvision`: those of Kinetics-400, which torchvision downloads
            once. Anything else is the path of a file, `.safetensors` or a checkpoint of torch, with the tensor names of
            the library.
        in_channels: 3, or 1 for grey samples: the kernels of the first convolution are summed over the three channels,
            which gives the same features of a grey sample in less time, where the transform treats the channels alike.
        library: `torchvision` or `monai` (an extra).
    """

    spatial_rank = 3

    def __init__(
        self,
        architecture: str,
        weights: str,
        in_channels: Literal[1, 3] = 3,
        library: backbones_3d.Library = "torchvision",
    ):
        super().__init__()
        body = backbones_3d.make_classifier(library, architecture)
        if weights != "none":
            if next(body.parameters()).is_meta:
                pretrained_network.check(body, library, architecture, weights)
            else:
                pretrained_network.load(body, library, architecture, weights)
        if in_channels == 1:
            backbones_3d.sum_input_channels(body)
        self.body, self.feature_dim = backbones_3d.remove_classifier(body, library)
        self.in_channels, self.architecture = in_channels, architecture

    def forward(self, x: Tensor) -> Tensor:
        backbones_3d.check_size(self.architecture, tuple(x.shape[2:]))
        x = x[:, : self.in_channels]
        backbones_3d.fit_to_size(self.body, x)
        features: Tensor = self.body(x)
        return features
