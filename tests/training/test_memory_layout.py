"""The loop and the predictor compute in the layout that is fastest for the network."""

import pytest
import torch
from train_choices import CHOICES

from pipeline.models.encoders.small import Small
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune
from pipeline.training.trainers.network import Classifier, NetworkPredictor


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
