"""Whole-pixel moves with a reflected edge."""

import pytest
import torch
from file_options import from_file

from pipeline.training.augmentations.shift import Shift

BATCH = torch.arange(100, dtype=torch.uint8).view(1, 1, 10, 10).expand(60, 3, 10, 10).contiguous()


def drawn(max_fraction, seed=0, batch=BATCH):
    return Shift(max_fraction=max_fraction)(batch, torch.Generator().manual_seed(seed))


def reflected(size, start):
    """Positions 0 to size - 1 seen through a window that starts at `start`, mirrored at both ends."""
    return [abs(p) if p < size else 2 * (size - 1) - p for p in range(start, start + size)]


def test_every_result_is_one_of_the_moves_within_reach():
    possible = {}
    for down in range(-2, 3):
        for right in range(-2, 3):
            moved = BATCH[0][:, reflected(10, down)][:, :, reflected(10, right)]
            possible[tuple(moved.flatten().tolist())] = (down, right)
    found = drawn(0.2)
    assert found.dtype == torch.uint8
    assert found.shape == BATCH.shape
    moves = [possible[tuple(one.flatten().tolist())] for one in found]
    assert {down for down, _ in moves} == {right for _, right in moves} == {-2, -1, 0, 1, 2}
    assert len(set(moves)) > 15  # 25 possible, each sample by its own draw


@pytest.mark.parametrize("max_fraction", [0.0, 0.04])
def test_less_than_half_a_pixel_changes_nothing(max_fraction):
    assert torch.equal(drawn(max_fraction), BATCH)


@pytest.mark.parametrize("side", [2, 3, 8, 9])
def test_the_largest_fraction_works_for_every_side(side):
    batch = torch.arange(side * side, dtype=torch.uint8).view(1, 1, side, side).repeat(4, 1, 1, 1)
    found = drawn(0.5, batch=batch)
    assert found.shape == batch.shape
    assert set(found.unique().tolist()) <= set(range(side * side))


def test_pictures_that_are_not_square():
    batch = torch.arange(120, dtype=torch.uint8).view(1, 1, 6, 20).repeat(5, 1, 1, 1)
    assert drawn(0.5, batch=batch).shape == (5, 1, 6, 20)


def test_the_generator_decides_and_the_input_is_left_alone():
    before = BATCH.clone()
    assert torch.equal(drawn(0.2, 1), drawn(0.2, 1))
    assert not torch.equal(drawn(0.2, 1), drawn(0.2, 2))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize("max_fraction", [-0.1, 0.6, float("nan")])
def test_max_fraction_is_at_most_half(max_fraction):
    with pytest.raises(ValueError, match=r"^max_fraction must be (0 to 0\.5|a finite number), got"):
        from_file(Shift, max_fraction=max_fraction)
