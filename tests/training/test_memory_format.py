"""The layout of a network, and that the loop and the predictor compute in it."""

import pytest
import torch
from train_choices import CHOICES

from pipeline.models.encoders.network import PretrainedNetwork
from pipeline.models.encoders.small import Small
from pipeline.training.memory_format import layout
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune
from pipeline.training.trainers.network import Classifier, NetworkPredictor


def test_narrow_networks_keep_channels_whole() -> None:
    assert layout(Small(width=7)) == torch.contiguous_format
    assert layout(Small(width=8)) == torch.channels_last
    assert layout(PretrainedNetwork("test_efficientnet", "none")) == torch.channels_last
    assert layout(torch.nn.Conv2d(3, 4, 3)) == torch.channels_last  # it is batch normalisation that is slow


@pytest.mark.parametrize(("width", "whole"), [(2, True), (8, False)])
def test_pictures_reach_every_layer_in_that_layout(stripes, width: int, whole: bool) -> None:
    """A transform gives pictures pixel by pixel, as they are stored."""
    seen = []
    encoder = Small(width=width)
    encoder.body[1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    samples = stripes(8)
    loop = FineTune(**CHOICES).loop(encoder, SingleLabel(label_smoothing=0.0), Mean(), samples)
    loop.gradients(next(iter(loop.feed)), 1)
    predictor = NetworkPredictor(
        Classifier(encoder, 2, 0.0), loop.objective.task, samples.transform, ["identity"], "fp32"
    )
    predictor.predict(samples.images)
    assert len(seen) == 2
    for one in seen:
        assert one.is_contiguous() == whole
        assert one.is_contiguous(memory_format=torch.channels_last) != whole
