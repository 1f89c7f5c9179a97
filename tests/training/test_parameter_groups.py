"""Weight decay on matrices alone, and learning rates that fall from layer to layer."""

import pytest
import torch
from torch import nn

from pipeline.models.encoders.frame_recurrent import FrameRecurrent
from pipeline.models.encoders.network import PretrainedNetwork
from pipeline.models.encoders.small import Small
from pipeline.training.parameter_groups import layers_below_head, parameter_groups
from pipeline.training.trainers.network import Classifier


def test_by_hand():
    # three convolutions, each with its normalisation, below the head: 0.1 x 0.5^3, 0.1 x 0.5^2, 0.1 x 0.5, 0.1
    network = Classifier(Small(width=2), 2, dropout=0.0)
    groups = parameter_groups(network, 0.01, 0.1, 0.5)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {names[id(one)]: (group["lr"], group["weight_decay"]) for group in groups for one in group["params"]}
    assert found == {
        "encoder.body.0.weight": (0.0125, 0.01),
        "encoder.body.1.weight": (0.0125, 0.0),
        "encoder.body.1.bias": (0.0125, 0.0),
        "encoder.body.4.weight": (0.025, 0.01),
        "encoder.body.5.weight": (0.025, 0.0),
        "encoder.body.5.bias": (0.025, 0.0),
        "encoder.body.8.weight": (0.05, 0.01),
        "encoder.body.9.weight": (0.05, 0.0),
        "encoder.body.9.bias": (0.05, 0.0),
        "head.weight": (0.1, 0.01),
        "head.bias": (0.1, 0.0),
    }


def test_without_a_decay_there_are_two_groups_of_one_rate():
    network = Classifier(Small(width=2), 2, dropout=0.0)
    decayed, plain = parameter_groups(network, 0.01, 0.1)
    assert (decayed["lr"], plain["lr"]) == (0.1, 0.1)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.01, 0.0)
    assert all(one.ndim > 1 for one in decayed["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(network.parameters()))


def test_a_network_of_timm_says_what_its_layers_are():
    network = Classifier(PretrainedNetwork("resnet18", "none"), 3, dropout=0.0)
    below = layers_below_head(network)
    # the stem and eight blocks of two convolutions each
    assert below["encoder.body.conv1.weight"] == below["encoder.body.bn1.bias"] == 9
    assert [below[f"encoder.body.layer{stage}.{block}.conv2.weight"] for stage in (1, 2, 3, 4) for block in (0, 1)] == [
        8, 7, 6, 5, 4, 3, 2, 1,
    ]  # fmt: skip
    assert below["head.weight"] == below["head.bias"] == 0


def test_a_recurrent_layer_is_above_the_network_of_timm_that_it_reads():
    frames = PretrainedNetwork("resnet18", "none")
    below = layers_below_head(Classifier(FrameRecurrent(frames, "gru", 4), 3, dropout=0.0))
    assert {depth for name, depth in below.items() if ".recurrent." in name} == {1}
    assert below["encoder.frame_encoder.body.layer4.1.conv2.weight"] == 2
    assert below["encoder.frame_encoder.body.conv1.weight"] == 10


def test_layers_of_a_transformer():
    network = Classifier(PretrainedNetwork("vit_tiny_patch16_224", "none", options={"depth": 3}), 2, dropout=0.0)
    below = layers_below_head(network)
    first = below["encoder.body.patch_embed.proj.weight"]
    assert [below[f"encoder.body.blocks.{block}.attn.qkv.weight"] for block in range(3)] == [
        first - 1,
        first - 2,
        first - 3,
    ]
    assert below["encoder.body.cls_token"] == first


@pytest.mark.parametrize(
    ("architecture", "options", "exempt"),
    [
        ("vit_tiny_patch16_224", {"depth": 1, "img_size": 32}, {"cls_token", "pos_embed"}),
        (
            "swin_tiny_patch4_window7_224",
            {"depths": (1, 1), "num_heads": (1, 2), "embed_dim": 8, "img_size": 56},
            {f"layers.{layer}.blocks.0.attn.relative_position_bias_table" for layer in (0, 1)},
        ),
    ],
)
@pytest.mark.parametrize("layer_decay", [None, 0.5])
def test_what_a_network_exempts_does_not_decay(architecture, options, exempt, layer_decay):
    network = Classifier(PretrainedNetwork(architecture, "none", options=options), 2, dropout=0.0)
    groups = parameter_groups(network, 0.01, 0.1, layer_decay)
    decays = {id(one): group["weight_decay"] for group in groups for one in group["params"]}
    plain = {name for name, one in network.named_parameters() if one.ndim > 1 and decays[id(one)] == 0}
    assert plain == {f"encoder.body.{name}" for name in exempt}


def test_a_deep_network_that_does_not_say_has_at_most_twelve_layers():
    network = Classifier(PretrainedNetwork("resnet34", "none", "torchvision"), 2, dropout=0.0)
    below = layers_below_head(network)
    assert sorted(set(below.values())) == list(range(13))
    in_order = [below[name] for name, _ in network.named_parameters()]
    assert in_order == sorted(in_order, reverse=True)


@pytest.mark.parametrize("architecture", ["tf_efficientnet_lite0", "convnext_atto", "mobilenetv3_small_050"])
def test_every_parameter_is_in_one_group(architecture):
    with torch.device("meta"):
        network = Classifier(PretrainedNetwork(architecture, "none"), 2, dropout=0.0)
    groups = parameter_groups(network, 0.01, 1.0, 0.9)
    chosen = [id(one) for group in groups for one in group["params"]]
    assert sorted(chosen) == sorted(id(one) for one in network.parameters())
    rates = [group["lr"] for group in groups]
    assert rates == sorted(rates)
    assert rates[-1] == 1.0
    torch.optim.AdamW(groups)


def test_a_network_without_any_kernel_is_one_layer():
    class Scaled(nn.Module):
        feature_dim = 2

        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

    below = layers_below_head(Classifier(Scaled(), 2, dropout=0.0))
    assert below == {"encoder.scale": 1, "head.weight": 0, "head.bias": 0}
