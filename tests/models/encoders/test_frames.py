"""An image encoder on each frame, then a mean that is blind to their order, or a layer that is not."""

import pytest
import torch
from torch import nn

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.models.encoders.conv3d_small import Conv3dSmall
from pipeline.models.encoders.frame_mean import FrameMean
from pipeline.models.encoders.frame_recurrent import FrameRecurrent
from pipeline.models.encoders.frames import encode_frames
from pipeline.models.encoders.small import Small
from pipeline.training.freezing import Freezing
from pipeline.training.trainers.network import Classifier

CLIPS = torch.rand(2, 3, 5, 12, 14, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def small():
    torch.manual_seed(0)
    return Small(width=2).eval()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_each_frame_has_the_features_of_a_picture(small, layout):
    found = encode_frames(small, CLIPS.contiguous(memory_format=layout))
    expected = torch.stack([small(CLIPS[:, :, frame]) for frame in range(5)], dim=1)
    torch.testing.assert_close(found, expected)


def test_the_mean_is_blind_to_the_order_of_frames(small):
    encoder = FrameMean(small)
    found = encoder(CLIPS)
    torch.testing.assert_close(found, encode_frames(small, CLIPS).mean(dim=1))
    torch.testing.assert_close(found, encoder(CLIPS[:, :, [3, 0, 4, 1, 2]]))
    assert encoder.feature_dim == small.feature_dim == found.shape[1]


@pytest.mark.parametrize(("number", "places"), [(1, [2]), (2, [1, 3]), (4, [0, 1, 3, 4]), (5, [0, 1, 2, 3, 4])])
def test_a_part_of_the_frames_is_in_the_middle_of_equal_parts(small, number, places):
    found = FrameMean(small, max_frames=number)(CLIPS)
    torch.testing.assert_close(found, encode_frames(small, CLIPS[:, :, places]).mean(dim=1))
    torch.testing.assert_close(FrameMean(small, max_frames=9)(CLIPS), FrameMean(small)(CLIPS))


@pytest.mark.parametrize(("cell", "layer"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_a_recurrent_layer_reads_the_frames_in_order(small, cell, layer):
    encoder = FrameRecurrent(small, cell, 6).eval()
    found = encoder(CLIPS)
    assert isinstance(encoder.recurrent, layer)
    assert found.shape == (2, encoder.feature_dim) == (2, 6)
    torch.testing.assert_close(
        found,
        encoder.recurrent(encode_frames(small, CLIPS))[1].squeeze(0)
        if cell == "gru"
        else encoder.recurrent(encode_frames(small, CLIPS))[1][0][0],
    )
    assert (found - encoder(CLIPS.flip(2))).abs().max() > 1e-4


def test_all_of_it_is_frozen_and_learns(small):
    network = Classifier(FrameRecurrent(small, "lstm", 4), 2, dropout=0.0).train()
    Freezing(frozen_epochs=1)(network, 1)
    assert not any(one.requires_grad for one in network.encoder.parameters())
    assert not network.encoder.frame_encoder.training
    Freezing(frozen_epochs=1)(network.train(), 2)
    network(CLIPS).square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in network.encoder.frame_encoder.parameters())


SMALL = {"_target_": "pipeline.models.encoders.small.Small", "width": 2}
MEAN = {"_target_": "pipeline.models.encoders.frame_mean.FrameMean"}


def test_it_is_built_from_parameters():
    encoder = config.build({**MEAN, "frame_encoder": SMALL}, "encoder")
    assert encoder(CLIPS).shape == (2, 8)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (
            {"_target_": "pipeline.models.encoders.conv3d_small.Conv3dSmall", "width": 2},
            r"encoder: frame_encoder must take pictures, and Conv3dSmall takes samples with 3 spatial axes; choose",
        ),
        (
            {"_target_": "pipeline.training.samplings.shuffled.Shuffled"},
            r"encoder\.frame_encoder\._target_ must name a class of pipeline\.models\.encoders that is a Encoder",
        ),
    ],
)
def test_what_takes_no_pictures_is_refused(inner, message):
    with pytest.raises(UserError, match=message):
        config.build({**MEAN, "frame_encoder": inner}, "encoder")
    assert Conv3dSmall.spatial_rank == 3
