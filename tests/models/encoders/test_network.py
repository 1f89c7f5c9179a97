"""Networks of timm and torchvision without their classifiers."""

import pytest
import torch
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.models.encoders.network import PretrainedNetwork

SMALLEST = "test_efficientnet"  # 0.4 M parameters, made for timm's own tests


def test_feature_dim_is_the_width_of_the_output():
    torch.manual_seed(0)
    encoder = PretrainedNetwork(SMALLEST, "none").eval()
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 32, 32))
    assert features.shape == (2, encoder.feature_dim)
    assert torch.isfinite(features).all()


def test_without_weights_the_seed_decides():
    torch.manual_seed(0)
    one = PretrainedNetwork(SMALLEST, "none").state_dict()
    torch.manual_seed(0)
    same = PretrainedNetwork(SMALLEST, "none").state_dict()
    other = PretrainedNetwork(SMALLEST, "none").state_dict()
    first = next(iter(one))
    assert torch.equal(one[first], same[first])
    assert not torch.equal(one[first], other[first])


def test_a_network_of_torchvision_ends_before_its_classifier():
    encoder = PretrainedNetwork("alexnet", "none", "torchvision").eval()
    with torch.inference_mode():
        assert encoder(torch.zeros(2, 3, 64, 64)).shape == (2, encoder.feature_dim) == (2, 4096)


def test_options_reach_the_library():
    encoder = PretrainedNetwork("test_vit", "none", options={"dynamic_img_size": True}).eval()
    with torch.inference_mode():
        assert encoder(torch.zeros(1, 3, 64, 96)).shape == (1, encoder.feature_dim)


@pytest.mark.parametrize(("rate", "varies"), [(0.0, False), (0.9, True)])
def test_stochastic_depth_leaves_out_blocks_in_training_only(rate, varies):
    torch.manual_seed(0)
    encoder = PretrainedNetwork("test_vit", "none", options={"drop_path_rate": rate, "dynamic_img_size": True})
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():  # blocks that start as nothing cannot be missed
            if parameter.ndim > 1:
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
        pictures = torch.rand(8, 3, 32, 32)
        assert torch.equal(encoder.eval()(pictures), encoder(pictures))
        assert torch.equal(encoder.train()(pictures), encoder(pictures)) != varies


@pytest.mark.parametrize(
    ("library", "architecture", "least"), [("torchvision", "alexnet", 63), ("timm", "test_vit", 32)]
)
def test_pictures_below_the_smallest_are_refused_with_that(library, architecture, least):
    encoder = PretrainedNetwork(architecture, "none", library).eval()
    message = (
        rf"{architecture} does not take pictures of 20 x 20 pixels; the next larger size that it takes is "
        rf"{least} x {least}, so set image_size={least} or more$"
    )
    with torch.inference_mode(), pytest.raises(UserError, match=message):
        encoder(torch.zeros(2, 3, 20, 20))


def test_other_errors_of_the_network_stay_what_they_are():
    encoder = PretrainedNetwork(SMALLEST, "none")
    with pytest.raises(RuntimeError, match="channels"):
        encoder(torch.zeros(2, 4, 32, 32))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            ("tf_efficientnet_lite", "none"),
            r"^timm has no network 'tf_efficientnet_lite'; did you mean one of \['.*'\]",
        ),
        (("zzz", "none"), r"^timm has no network 'zzz'$"),
        (("resnet18", "none", "keras"), r"^library must be 'timm' or 'torchvision', got 'keras'$"),
        (("squeezenet1_1", "none", "torchvision"), r"^SqueezeNet of torchvision does not end with a linear layer"),
        (
            (SMALLEST, "none", "timm", {"colour": 1}),
            r"^test_efficientnet of timm does not take options \{'colour': 1\}",
        ),
    ],
)
def test_wrong_choices(told, message):
    with pytest.raises(ValueError, match=message):
        from_file(PretrainedNetwork, **dict(zip(("architecture", "weights", "library", "options"), told, strict=False)))


@pytest.mark.parametrize("name", ["checkpoint_path", "pretrained_cfg_overlay", "pretrained_cfg", "cache_dir"])
def test_options_do_not_name_files(name):
    with pytest.raises(
        ValueError, match=rf"^options must not name a file or address to read \({name}\); set weights instead$"
    ):
        PretrainedNetwork("test_vit", "none", options={name: "/somewhere"})


@pytest.mark.parametrize("name", ["hf-hub:someone/something", "local-dir:/somewhere"])
def test_networks_of_other_places_are_not_known(name):
    with pytest.raises(ValueError, match=rf"^timm has no network '{name}'"):
        PretrainedNetwork(name, "none")
