"""The layout of a network and of batches, whatever number of axes they have."""

import pytest
import torch
from torch import nn

from pipeline.models.encoders.network import PretrainedNetwork
from pipeline.models.encoders.small import Small
from pipeline.models.memory_layout import MemoryLayout

PROCESSOR = torch.device("cpu")
LAST, WHOLE = MemoryLayout(channels_last=True), MemoryLayout(channels_last=False)


def test_narrow_networks_keep_channels_whole() -> None:
    assert MemoryLayout.fastest(Small(width=7)) == WHOLE
    assert MemoryLayout.fastest(Small(width=8)) == LAST
    assert MemoryLayout.fastest(PretrainedNetwork("test_efficientnet", "none")) == LAST
    assert MemoryLayout.fastest(nn.Conv2d(3, 4, 3)) == LAST  # it is batch normalisation that is slow
    assert MemoryLayout.fastest(nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4))) == WHOLE


@pytest.mark.parametrize(
    ("shape", "last", "whole"),
    [
        ((2, 3), torch.preserve_format, torch.preserve_format),
        ((2, 3, 5), torch.preserve_format, torch.preserve_format),
        ((2, 3, 5, 5), torch.channels_last, torch.contiguous_format),
        ((2, 3, 5, 5, 5), torch.channels_last_3d, torch.contiguous_format),
    ],
)
def test_the_format_goes_by_the_number_of_axes(shape, last, whole) -> None:
    tensor = torch.zeros(shape)
    assert LAST.format(tensor) is last
    assert WHOLE.format(tensor) is whole


def test_kernels_of_both_kinds_are_placed_each_in_its_own_format() -> None:
    """As in a network that looks at each frame first and at all of them after."""
    network = nn.ModuleList([nn.Conv2d(3, 8, 3), nn.Conv3d(8, 8, 3), nn.Linear(8, 2)])
    before = [one.detach().clone() for one in network.parameters()]
    assert LAST.place(network, PROCESSOR) is network
    flat, deep = network[0].weight, network[1].weight
    assert flat.is_contiguous(memory_format=torch.channels_last)
    assert not flat.is_contiguous()
    assert deep.is_contiguous(memory_format=torch.channels_last_3d)
    assert not deep.is_contiguous()
    assert network[2].weight.is_contiguous()
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))
    WHOLE.place(network, PROCESSOR)
    assert flat.is_contiguous()
    assert deep.is_contiguous()


def test_a_network_is_placed_as_torch_would() -> None:
    ours, theirs = Small(width=8), Small(width=8)
    LAST.place(ours, PROCESSOR)
    theirs.to(memory_format=torch.channels_last)
    strides = [[one.stride() for one in network.state_dict().values()] for network in (ours, theirs)]
    assert strides[0] == strides[1]
