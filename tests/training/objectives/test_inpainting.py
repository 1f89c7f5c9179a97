"""Inpainting: as much is cut out as was promised, only that counts, and it is filled in better with every epoch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reconstruction_examples import gradients, losses

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.training.objectives.inpainting import Inpainting


def inpainting(share=0.25, form="square", rest_weight=0.0):
    return Inpainting(share=share, form=form, rest_weight=rest_weight, width=8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["centre", "square", "patches"]), st.floats(0.02, 0.9), st.integers(8, 33), st.integers(0, 5))
def test_every_picture_loses_the_same_share_and_a_seed_the_same_pixels(form, share, side, seed):
    pretext = inpainting(share, form)
    masks = pretext.make_masks(6, side, side, generator(seed))
    assert masks.shape == (6, side, side)
    nearest = round(np.sqrt(share) * side)
    expected = round(share * side * side) if form == "patches" else nearest * nearest
    assert masks.sum(dim=(1, 2)).tolist() == [expected] * 6
    assert torch.equal(masks, pretext.make_masks(6, side, side, generator(seed)))


def test_squares_are_squares_and_reach_every_edge():
    masks = inpainting(0.25).make_masks(200, 9, 9, generator())  # 4.5 pixels, rounded to 4
    corners = set()
    for mask in masks:
        rows, columns = mask.nonzero().T
        assert mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
        assert rows.max() - rows.min() == columns.max() - columns.min() == 3
        corners.add((int(rows.min()), int(columns.min())))
    assert corners == {(top, left) for top in range(6) for left in range(6)}


def test_the_centre_is_in_the_middle_and_patches_are_elsewhere_in_each_picture():
    (centre,) = inpainting(0.25, "centre").make_masks(1, 8, 8, generator())
    assert centre.nonzero().min(dim=0).values.tolist() == [2, 2]
    assert centre.nonzero().max(dim=0).values.tolist() == [5, 5]
    patches = inpainting(0.25, "patches").make_masks(8, 16, 16, generator())
    assert len(patches.flatten(1).unique(dim=0)) == 8
    inside = patches[:, 1:-1, 1:-1] & patches[:, :-2, 1:-1] & patches[:, 2:, 1:-1]
    assert inside.sum() > 0.3 * patches.sum()  # patches, and no scattered pixels


def test_the_mean_of_the_rest_takes_the_place_of_what_is_cut_out():
    stored = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
    rows, clean, hidden = inpainting(0.25, "centre").make_rows(
        stored, torch.zeros(1), lambda batch: batch, lambda batch: batch.float().expand(-1, 3, -1, -1), generator()
    )
    assert torch.equal(clean[0, 0], torch.arange(64.0).view(8, 8))
    assert torch.equal(rows[0, :, ~hidden[0]], clean[0, :, ~hidden[0]])
    # of 0 to 63 the rest has 48 numbers; the middle is symmetric around 31.5, and so is the rest
    assert rows[0, :, hidden[0]].unique().tolist() == [31.5]


@pytest.mark.parametrize("rest_weight", [0.0, 0.3])
def test_the_loss_is_the_error_of_what_was_cut_out(rest_weight):
    pretext = inpainting(0.25, "patches", rest_weight)
    objective = pretext.objective(Small(4), (3, 8, 8))
    clean, outputs = torch.randn(3, 3, 8, 8, generator=generator(1)), torch.randn(3, 192, generator=generator(2))
    hidden = pretext.make_masks(3, 8, 8, generator(3))
    total = []
    for picture, wanted, mask in zip(outputs.numpy().reshape(3, 3, 8, 8), clean.numpy(), hidden.numpy(), strict=True):
        errors, weights = [], []
        for row in range(8):
            for column in range(8):
                weights.append(1.0 if mask[row, column] else rest_weight)
                errors.append(weights[-1] * np.mean((picture[:, row, column] - wanted[:, row, column]) ** 2))
        total.append(np.sum(errors) / np.sum(weights))
    assert objective.loss(outputs, clean, hidden).item() == pytest.approx(np.mean(total), rel=1e-5)
    elsewhere = outputs + 5 * (~hidden)[:, None].expand(-1, 3, -1, -1).flatten(1)
    same = objective.loss(elsewhere, clean, hidden).item() == pytest.approx(np.mean(total), rel=1e-5)
    assert same == (rest_weight == 0)


def test_the_loss_of_a_batch_is_the_mean_of_its_parts():
    pretext = inpainting(0.3, "square", 0.1)
    objective = pretext.objective(Small(4), (3, 10, 10))
    clean, outputs = torch.randn(4, 3, 10, 10, generator=generator(1)), torch.randn(4, 300, generator=generator(2))
    facts = (clean, pretext.make_masks(4, 10, 10, generator(3)))
    parts = [objective.loss(outputs[one], *(fact[one] for fact in facts)).item() for one in (slice(1), slice(1, 4))]
    assert objective.loss(outputs, *facts).item() == pytest.approx((parts[0] + 3 * parts[1]) / 4, rel=1e-5)


def test_gradients_reach_encoder_and_decoder():
    found = gradients(inpainting(), Small(8))
    assert {name.partition(".")[0] for name in found} == {"encoder", "head"}
    assert min(found.values()) > 0


def test_stripes_are_filled_in():
    """One colour leaves the variance of stripes and noise, 1.09; the noise alone, which nobody can fill in, 0.2."""
    torch.manual_seed(0)
    found = losses(inpainting(0.25, "centre"), Small(8), epochs=14)
    assert found[0] > 0.9
    assert found[-1] < 0.6


@pytest.mark.parametrize(
    ("share", "form", "side", "message"),
    [
        (
            0.0001,
            "square",
            16,
            r"^objective\.share=0\.0001 cuts out nothing of pictures of 16 x 16 pixels; set a larger",
        ),
        (
            0.99,
            "centre",
            16,
            r"^objective\.share=0\.99 cuts out everything of pictures of 16 x 16 pixels; set a smaller",
        ),
        (0.001, "patches", 16, r"cuts out nothing of pictures of 16 x 16"),
        (
            0.25,
            "square",
            7,
            r"^a decoder makes pictures of 8 x 8 pixels or more, found 7 x 7; set image_size=8 or more",
        ),
    ],
)
def test_what_leaves_or_hides_nothing_is_refused(share, form, side, message):
    with pytest.raises(UserError, match=message):
        inpainting(share, form).objective(Small(4), (3, side, side))
