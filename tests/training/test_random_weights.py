"""A network without what it learned is like a new one, and still sees differences between pictures."""

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.models.encoders.small import Small
from pipeline.training.random_weights import PermutedFeatures, randomise_weights
from pipeline.training.trainers.network import Classifier


def pictures(number=6):
    return torch.rand(number, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def network():
    torch.manual_seed(5)
    return Classifier(Small(4), 3, dropout=0.0).eval()


def test_every_weight_is_another_and_the_network_itself_stays():
    trained = network()
    with torch.no_grad():
        for weights in trained.parameters():
            weights += 7.0  # what training did
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    state = torch.get_rng_state()
    random = randomise_weights(trained, pictures(), 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    assert all(value.abs().max() < 5 for value in random.parameters())
    outputs = random(pictures())
    assert outputs.std(dim=0).min() > 0.01  # the normalisation follows the pictures
    torch.testing.assert_close(outputs, randomise_weights(trained, pictures(), 1)(pictures()))
    assert not torch.allclose(outputs, randomise_weights(trained, pictures(), 2)(pictures()))


def test_one_picture_has_no_spread_and_is_no_error():
    assert torch.isfinite(randomise_weights(network(), pictures(1), 0)(pictures(1))).all()


def test_weights_outside_of_layers_are_permuted():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.arange(20.0))

        def forward(self, x):
            return x.mean(dim=(1, 2, 3))[:, None] * self.scale

    scale = randomise_weights(Scaled(), pictures(), 0).scale
    assert sorted(scale.tolist()) == list(range(20))
    assert scale.tolist() != list(range(20))


@pytest.mark.parametrize("seed", range(8))
def test_two_features_always_change_places(seed):
    assert PermutedFeatures.of(None, 2, seed).transform(np.array([[1.0, 2.0]])).tolist() == [[2.0, 1.0]]
    assert PermutedFeatures.of(None, 1, seed).transform(np.array([[1.0]])).tolist() == [[1.0]]


def test_features_come_in_another_order_after_scaling():
    class Double:
        def transform(self, features):
            return 2 * features

    features = np.arange(12.0).reshape(2, 6)
    for scaling, factor in ((None, 1), (Double(), 2)):
        other = PermutedFeatures.of(scaling, 6, 3).transform(features)
        assert sorted(other[0]) == sorted(factor * features[0])
        assert other[0].tolist() != (factor * features[0]).tolist()
        assert (other[1] - other[0] == 6 * factor).all()
