"""Networks of torchvision over three axes, trained for two steps; those of MONAI where it is installed."""

import sys

import numpy as np
import pytest
import torch
from file_options import from_file
from safetensors.torch import save_file
from torch import nn

from pipeline.core.errors import UserError
from pipeline.models.encoders import backbones_3d
from pipeline.models.encoders.network_3d import Network3d
from pipeline.training.parameter_groups import parameter_groups
from pipeline.training.trainers.network import Classifier


@pytest.mark.parametrize("architecture", ["r2plus1d_18", "swin3d_t"])
def test_two_steps_of_training(architecture):
    torch.manual_seed(0)
    network = Classifier(Network3d(architecture, "none"), 2, dropout=0.0).train()
    optimiser = torch.optim.AdamW(parameter_groups(network, 0.01, 1e-3, 0.75))
    batch, targets = torch.rand(4, 3, 4, 16, 16), torch.tensor([0, 1, 0, 1])
    batch[targets == 1, :, 2:] += 1.0
    before = [one.detach().clone() for one in network.parameters()]
    losses = []
    for _ in range(2):
        torch.manual_seed(1)  # the same paths of stochastic depth
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(batch), targets)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert losses[0] != losses[1]
    changed = [not torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True)]
    assert sum(changed) > 0.9 * len(changed)


@pytest.fixture(scope="module")
def light():
    """A network with few parameters, and the same for one channel."""
    made = []
    for channels in (3, 1):
        torch.manual_seed(0)
        made.append(Network3d("mc3_18", "none", in_channels=channels).eval())
    return made


def test_one_channel_gives_the_features_of_a_grey_sample(light):
    colour, grey = light
    batch = torch.rand(2, 1, 4, 20, 20, generator=torch.Generator().manual_seed(0)).expand(2, 3, 4, 20, 20)
    with torch.inference_mode():
        torch.testing.assert_close(grey(batch), colour(batch), atol=1e-5, rtol=1e-4)
    assert grey.body.stem[0].weight.shape == (64, 1, 3, 7, 7)


def test_weights_of_a_file_are_loaded_without_the_classifier(light, tmp_path):
    torch.manual_seed(5)
    other = backbones_3d.make_classifier("torchvision", "mc3_18")
    path = tmp_path / "weights.safetensors"
    save_file({name: value for name, value in other.state_dict().items() if not name.startswith("fc.")}, path)
    loaded = Network3d("mc3_18", str(path), in_channels=1)
    torch.testing.assert_close(loaded.body.layer4[1].conv2[0].weight, other.layer4[1].conv2[0].weight)
    torch.testing.assert_close(loaded.body.stem[0].weight, other.stem[0].weight.sum(dim=1, keepdim=True))
    save_file({"fc.weight": torch.zeros(1)}, path)
    with pytest.raises(
        UserError, match=r"weights\.safetensors belongs to another network: it lacks \['stem\.0\.weight"
    ):
        Network3d("mc3_18", str(path))


def test_a_size_that_does_not_fit_is_named_with_the_smallest_that_does():
    with torch.device("meta"):
        encoder = Network3d("s3d", "none").eval()
        assert encoder(torch.zeros(2, 3, 5, 17, 17)).shape == (2, 1024)
        for shape in ((4, 17, 17), (5, 16, 17)):
            with pytest.raises(RuntimeError, match=r"should be at least|too small|smaller than kernel"):
                encoder.body(torch.zeros(2, 3, *shape))
        message = (
            r"^s3d takes samples of at least 5 x 17 x 17 .*, found 4 x 64 x 64; set more frames or slices, a larger"
        )
        with pytest.raises(UserError, match=message):
            encoder(torch.zeros(2, 3, 4, 64, 64))


def test_a_window_covers_what_there_is():
    pool = backbones_3d.FittingMean((2, 7, 7))
    batch = torch.rand(1, 2, 3, 8, 8)
    torch.testing.assert_close(pool(batch), nn.functional.avg_pool3d(batch, (2, 7, 7), stride=1))
    torch.testing.assert_close(pool(batch[..., :1, :4, :4]), batch[..., :1, :4, :4].mean(dim=(2, 3, 4), keepdim=True))


def test_patches_of_a_transformer_follow_the_size():
    with torch.device("meta"):
        encoder = Network3d("mvit_v2_s", "none").eval()
        for shape in ((16, 224, 224), (8, 40, 56)):
            assert encoder(torch.zeros(1, 3, *shape)).shape == (1, 768)
            counts = (encoder.body.pos_encoding.temporal_size, *encoder.body.pos_encoding.spatial_size)
            assert counts == (shape[0] // 2, shape[1] // 4, shape[2] // 4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"architecture": "r3d_19", "weights": "none"}, r"^architecture must be one of mc3_18, .*, got 'r3d_19'$"),
        ({"architecture": "s3d", "weights": "none", "in_channels": 2}, r"^in_channels must be 1 or 3, got 2$"),
        ({"architecture": "mc3_18", "weights": "timm"}, r"^weights=timm needs library=timm, found torchvision; use "),
    ],
)
def test_wrong_options(values, message):
    with pytest.raises(ValueError, match=message):
        from_file(Network3d, **values)


def test_without_monai_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    monkeypatch.setitem(sys.modules, "monai.networks", None)
    message = r"^encoder\.library=monai needs the package monai, which is not installed; run make install EXTRAS=monai"
    with pytest.raises(UserError, match=message):
        Network3d("resnet18", "none", library="monai")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("architecture", "size"), [("densenet121", 1024), ("resnet18", 512), ("resnet50", 2048)])
def test_networks_of_monai(architecture, size):
    pytest.importorskip("monai")
    with torch.device("meta"):
        encoder = Network3d(architecture, "none", in_channels=1, library="monai").eval()
        assert encoder(torch.zeros(2, 3, 32, 32, 32)).shape == (2, size) == (2, encoder.feature_dim)
    with pytest.raises(ValueError, match=r"found monai; use a file or none$"):
        Network3d(architecture, "torchvision", library="monai")
