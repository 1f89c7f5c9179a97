"""Flips and quarter turns only move pixels."""

import itertools

import pytest
import torch

from pipeline.training.augmentations.orthogonal import Orthogonal

PICTURE = torch.arange(75, dtype=torch.uint8).view(3, 5, 5)
BATCH = PICTURE.expand(200, 3, 5, 5).contiguous()
QUARTER_TURNS = [torch.rot90(PICTURE, turns, (1, 2)) for turns in range(4)]
SYMMETRIES = QUARTER_TURNS + [one.flip(2) for one in QUARTER_TURNS]


def drawn(seed=0, batch=BATCH, **choices):
    allowed = {"horizontal_flip": False, "vertical_flip": False, "transpose": False, **choices}
    return Orthogonal(**allowed)(batch, torch.Generator().manual_seed(seed))


def which(batch):
    """Position in SYMMETRIES of each picture."""
    return [next(n for n, one in enumerate(SYMMETRIES) if torch.equal(picture, one)) for picture in batch]


def test_all_three_give_the_eight_symmetries_of_a_square_equally_often():
    found = drawn(horizontal_flip=True, vertical_flip=True, transpose=True)
    assert found.dtype == torch.uint8
    assert found.shape == BATCH.shape
    counts = torch.tensor(which(found)).bincount(minlength=8)
    assert counts.min() >= 10  # 25 expected, standard deviation 4.7


@pytest.mark.parametrize("allowed", list(itertools.product([False, True], repeat=3)))
def test_every_symmetry_is_a_permutation_of_the_pixels(allowed):
    horizontal, vertical, transpose = allowed
    found = drawn(horizontal_flip=horizontal, vertical_flip=vertical, transpose=transpose)
    torch.testing.assert_close(found.flatten(2).sort(dim=2).values, BATCH.flatten(2).sort(dim=2).values)
    assert len(set(which(found))) == 2 ** sum(allowed)


def test_nothing_allowed_changes_nothing():
    assert torch.equal(drawn(), BATCH)


@pytest.mark.parametrize(
    ("choice", "changed"),
    [
        ("horizontal_flip", PICTURE.flip(2)),
        ("vertical_flip", PICTURE.flip(1)),
        ("transpose", PICTURE.transpose(1, 2)),
    ],
)
def test_each_does_what_it_says_to_about_half(choice, changed):
    found = drawn(**{choice: True})
    num_changed = sum(torch.equal(one, changed) for one in found)
    num_kept = sum(torch.equal(one, PICTURE) for one in found)
    assert num_changed + num_kept == 200
    assert 60 <= num_changed <= 140


def test_horizontal_flip_only_swaps_left_and_right():
    batch = torch.zeros(8, 1, 2, 4, dtype=torch.uint8)
    batch[:, 0, 0, :2] = 9
    found = drawn(batch=batch, horizontal_flip=True)
    assert (found[:, 0, 1] == 0).all()
    assert {tuple(row.tolist()) for row in found[:, 0, 0]} == {(9, 9, 0, 0), (0, 0, 9, 9)}


def test_flips_keep_pictures_that_are_not_square():
    batch = torch.arange(24, dtype=torch.uint8).view(1, 3, 2, 4).expand(6, 3, 2, 4).contiguous()
    assert drawn(batch=batch, horizontal_flip=True, vertical_flip=True).shape == (6, 3, 2, 4)


def test_the_generator_decides():
    every = {"horizontal_flip": True, "vertical_flip": True, "transpose": True}
    assert torch.equal(drawn(1, **every), drawn(1, **every))
    assert not torch.equal(drawn(1, **every), drawn(2, **every))
    before = BATCH.clone()
    drawn(1, **every)
    assert torch.equal(BATCH, before)


def test_draws_do_not_depend_on_the_callers_random_state():
    torch.manual_seed(1)
    one = drawn(3, horizontal_flip=True)
    torch.manual_seed(2)
    assert torch.equal(one, drawn(3, horizontal_flip=True))
