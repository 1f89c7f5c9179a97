"""Networks over three axes by their names in torchvision and MONAI, and what is changed in them."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d

from pipeline.core.errors import UserError
from pipeline.models.encoders.backbones import classifier

Library = Literal["torchvision", "monai"]
OF_TORCHVISION = ("mc3_18", "mvit_v2_s", "r2plus1d_18", "r3d_18", "s3d", "swin3d_t")
OF_MONAI = ("densenet121", "resnet18", "resnet50")
CHANNELS = 3
LEAST = {"s3d": (5, 17, 17), "densenet121": (29, 29, 29)}  # of the others each axis may have one place
CLASSES = 400  # of Kinetics; the classifier is removed


class FittingMean(nn.Module):
    """The mean over windows of `kernel` positions, or over the whole axis where it is shorter.

    S3D ends with a window of 2 x 7 x 7, the map of 16 frames of 224 pixels, and refuses smaller samples.
    """

    def __init__(self, kernel: tuple[int, int, int]):
        super().__init__()
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool3d(x, [min(one, size) for one, size in zip(self.kernel, x.shape[2:], strict=True)], stride=1)


def make_classifier(library: str, architecture: str) -> nn.Module:
    """The network for three input channels, with its classifier and random weights.

    Raises:
        ValueError: There is no such network.
        UserError: MONAI is not installed.
    """
    known = OF_MONAI if library == "monai" else OF_TORCHVISION
    if architecture not in known:
        raise ValueError(f"architecture must be one of {', '.join(known)} of {library}, got {architecture!r}")
    if library == "monai":
        return _make_of_monai(architecture)
    import torchvision

    body: Any = torchvision.models.get_model(architecture, weights=None)
    if architecture == "s3d":
        body.avgpool = FittingMean(tuple(body.avgpool.kernel_size))
    return body


def _make_of_monai(architecture: str) -> nn.Module:
    try:
        from monai.networks import nets
    except ModuleNotFoundError:
        raise UserError(
            "encoder.library=monai needs the package monai, which is not installed; "
            "run make install EXTRAS=monai, or choose a network of torchvision, such as encoder=r3d_18"
        ) from None
    if architecture == "densenet121":
        network: nn.Module = nets.DenseNet121(spatial_dims=3, in_channels=CHANNELS, out_channels=CLASSES)
        return network
    made: nn.Module = getattr(nets, architecture)(spatial_dims=3, n_input_channels=CHANNELS, num_classes=CLASSES)
    return made


def remove_classifier(body: nn.Module, library: str) -> tuple[nn.Module, int]:
    """The network without its classifier, changed in place, and the length of its feature vector."""
    name = classifier(body, library)
    last = body.get_submodule(name)
    size = last.in_channels if isinstance(last, nn.Conv3d) else last.in_features
    body.set_submodule(name, nn.Identity())
    return body, int(size)  # type: ignore[arg-type]


def sum_input_channels(body: nn.Module) -> None:
    """Makes the first convolution take one channel: its kernels are summed over the three, in place.

    A grey sample has three equal channels, so what the network computes of it does not change where the transform
    treats them alike; after one with a mean for each channel (ImageNet's) it takes the first channel for all three.
    """
    first = next(module for module in body.modules() if isinstance(module, nn.Conv3d))
    with torch.no_grad():
        first.weight = nn.Parameter(first.weight.sum(dim=1, keepdim=True))
    first.in_channels = 1


def fit_to_size(body: Any, x: Tensor) -> None:
    """Gives MViT the number of its patches, which torchvision fixes at 16 frames of 224 pixels; others need none.

    Its positions are relative and interpolated, so it takes samples of any size.
    """
    if not hasattr(body, "conv_proj"):
        return
    patches = body.conv_proj
    counts = [
        (length + 2 * padding - kernel) // stride + 1
        for length, padding, kernel, stride in zip(
            x.shape[2:], patches.padding, patches.kernel_size, patches.stride, strict=True
        )
    ]
    body.pos_encoding.temporal_size, body.pos_encoding.spatial_size = counts[0], tuple(counts[1:])


def check_size(architecture: str, shape: tuple[int, ...]) -> None:
    """Refuses (T, H, W) samples that are too small for a network; most take any.

    Raises:
        UserError: They are; the message has the smallest size.
    """
    least = LEAST.get(architecture, (1, 1, 1))
    if any(length < needed for length, needed in zip(shape, least, strict=True)):
        raise UserError(
            f"{architecture} takes samples of at least {' x '.join(map(str, least))} (frames, height, width), "
            f"found {' x '.join(map(str, shape))}; set more frames or slices, a larger image_size, or another encoder"
        )
