"""Memory layout of a sample: pixel by pixel, or channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TypeVar, final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Network = TypeVar("Network", bound=nn.Module)

NARROW = 8  # channels
CHANNELS_LAST = {
    4: torch.channels_last,
    5: torch.channels_last_3d,
}  # by the number of axes: samples, channels, and the spatial ones


@final
@dataclass(frozen=True, kw_only=True)
class MemoryLayout:
    """The layout of batches and of a network's kernels, for any number of axes.

    Args:
        channels_last: Pixel by pixel; else channel by channel.
    """

    channels_last: bool

    @classmethod
    def fastest(cls, network: nn.Module) -> MemoryLayout:
        """The layout in which a network computes fastest: channels last, or channel by channel for a very narrow one.

        On a processor with channels last, torch computes batch normalisation for eight channels at a time, and for
        fewer one by one: a step of `encoder=small encoder.width=4` takes 1.7 times as long.
        """
        normalisations = (one for one in network.modules() if isinstance(one, _BatchNorm))
        return cls(channels_last=all(one.num_features >= NARROW for one in normalisations))

    def format(self, tensor: Tensor) -> torch.memory_format:
        """The torch name of this layout for the tensor's number of axes; preserve_format if torch has none."""
        if tensor.dim() not in CHANNELS_LAST:
            return torch.preserve_format
        return CHANNELS_LAST[tensor.dim()] if self.channels_last else torch.contiguous_format

    def place(self, network: Network, device: torch.device) -> Network:
        """The same network on the device, its kernels in this layout."""
        network = network.to(device)
        for tensor in chain(network.parameters(), network.buffers()):
            tensor.data = tensor.data.to(memory_format=self.format(tensor))
        return network
