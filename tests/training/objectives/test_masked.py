"""Masked reconstruction: the encoder is timm's, sees the visible patches alone, and the hidden ones alone count."""

import numpy as np
import pytest
import torch
from conf_options import options
from hypothesis import given, settings
from hypothesis import strategies as st
from reconstruction_examples import gradients, losses

from pipeline.core.errors import UserError
from pipeline.models.encoders.network import PretrainedNetwork
from pipeline.models.encoders.small import Small
from pipeline.training.objectives.masked import MaskedPatches
from pipeline.training.objectives.masked_autoencoder import MaskedAutoencoder, choose_visible

TINY = {"img_size": 16, "patch_size": 4, "embed_dim": 32, "depth": 2, "num_heads": 2}


def pretext(ratio=0.75, normalise=True):
    return MaskedPatches(ratio=ratio, decoder_dim=16, decoder_depth=1, decoder_heads=2, normalise=normalise)


def transformer(**options):
    torch.manual_seed(0)
    return PretrainedNetwork("vit_tiny_patch16_224", "none", options={**TINY, **options})


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 15), st.integers(0, 9))
def test_as_many_patches_are_visible_as_was_promised_and_a_seed_chooses_them(number, seed):
    rows = torch.rand(5, 4, 16, 16, generator=generator(seed))
    seen = choose_visible(rows, (4, 4), number)
    assert seen.shape == (5, number)
    assert all(len(set(one)) == number and sorted(one) == one for one in seen.tolist())
    ranks = rows[:, 3, ::4, ::4].reshape(5, 16)
    assert all(ranks[row, seen[row]].max() <= ranks[row].sort().values[number - 1] for row in range(5))


@pytest.mark.parametrize(
    "options", [{}, {"dynamic_img_size": True}, {"global_pool": "avg", "class_token": False}, {"reg_tokens": 2}]
)
def test_with_all_patches_visible_the_encoder_computes_what_timm_does(options):
    encoder = transformer(**options).eval()
    pictures = torch.rand(3, 3, 16, 16, generator=generator())
    network = MaskedAutoencoder(encoder, (4, 4), 16, dim=16, depth=1, num_heads=2).eval()
    everything = torch.arange(16).expand(3, -1)
    encoded = network.encode(pictures, everything)
    torch.testing.assert_close(encoded, encoder.body.fc_norm(encoder.body.forward_features(pictures)))
    pooled = encoded.mean(dim=1) if options.get("global_pool") == "avg" else encoded[:, 0]
    if not options.get("global_pool"):
        torch.testing.assert_close(pooled, encoder(pictures))  # the weights that are written are those that train


def test_hidden_patches_do_not_reach_the_encoder():
    network = pretext().objective(transformer(), (3, 16, 16)).network.eval()
    rows = torch.rand(1, 4, 16, 16, generator=generator())
    seen = choose_visible(rows, (4, 4), 4)[0].tolist()
    before = network(rows)
    for patch in range(16):
        other = rows.clone()
        top, left = patch // 4 * 4, patch % 4 * 4
        other[:, :3, top : top + 4, left : left + 4] += 1
        assert torch.equal(network(other), before) == (patch not in seen)


@pytest.mark.parametrize("normalise", [True, False])
def test_the_loss_is_the_error_of_the_hidden_patches(normalise):
    objective = pretext(0.5, normalise).objective(transformer(), (3, 16, 16))
    rows = torch.rand(2, 4, 16, 16, generator=generator(1))
    outputs = torch.randn(2, 16 * 48, generator=generator(2))
    errors = []
    for picture, predicted in zip(rows.numpy(), outputs.numpy().reshape(2, 16, 48), strict=True):
        hidden = np.argsort(picture[3, ::4, ::4].ravel())[8:]
        for patch in hidden:
            top, left = patch // 4 * 4, patch % 4 * 4
            target = picture[:3, top : top + 4, left : left + 4].astype(np.float64).ravel()
            if normalise:
                target = (target - target.mean()) / np.sqrt(target.var(ddof=1) + 1e-6)
            errors.append(np.mean((predicted[patch] - target) ** 2))
    assert len(errors) == 16
    assert objective.loss(outputs, rows).item() == pytest.approx(np.mean(errors), rel=1e-5)


@pytest.mark.parametrize("options", [{}, {"global_pool": "avg", "class_token": False}])
def test_gradients_reach_every_weight_of_encoder_and_decoder(options):
    found = gradients(pretext(), transformer(**options))
    assert any(name.startswith("encoder.") for name in found)
    assert min(found.values()) > 0


def test_stripes_are_predicted():
    """Normalised pixels have a variance of 1; noise that nobody can predict is a fifth of it."""
    found = losses(pretext(0.5), transformer(), epochs=9)
    assert found[0] > 0.9
    assert found[-1] < 0.5


@pytest.mark.parametrize(
    ("ratio", "encoder", "side", "message"),
    [
        (
            0.75,
            Small(4),
            16,
            r"plain vision transformer, and the encoder is of another kind \(Small\); set encoder=vit_t",
        ),
        (
            0.75,
            transformer(),
            18,
            r"takes whole patches of 4 x 4 pixels, found pictures of 18 x 18; set image_size to a",
        ),
        (
            0.99,
            transformer(),
            16,
            r"^objective\.ratio=0\.99 leaves 0 of the 16 patches of a picture of 16 x 16 pixels v",
        ),
        (0.01, transformer(), 16, r"^objective\.ratio=0\.01 leaves 16 of the 16 patches"),
        (0.75, transformer(), 4, r"^objective\.ratio=0\.75 leaves 0 of the 1 patches"),
    ],
)
def test_what_leaves_or_hides_nothing_is_refused(ratio, encoder, side, message):
    with pytest.raises(UserError, match=message):
        pretext(ratio).objective(encoder, (3, side, side))


def test_heads_must_divide_the_decoder():
    with pytest.raises(ValueError, match="decoder_dim must be a multiple of decoder_heads, got 16 and 3"):
        MaskedPatches(ratio=0.5, decoder_dim=16, decoder_depth=1, decoder_heads=3, normalise=True)


def test_the_encoders_that_the_message_names_exist():
    assert {"vit_tiny", "vit_base"} <= set(options("encoder"))
