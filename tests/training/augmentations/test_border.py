"""The margin of each sample is covered in one grey, each side by its own width."""

import pytest
import torch
from file_options import from_file

from pipeline.training.augmentations.border import Border

SIDES = (20, 30)  # height, width
BATCH = torch.arange(600).remainder(256).byte().view(1, 1, *SIDES).repeat(100, 3, 1, 1)


def drawn(max_fraction, seed=0, batch=BATCH):
    return Border(max_fraction=max_fraction)(batch, torch.Generator().manual_seed(seed))


def inside(max_fraction, batch):
    """(B, H, W): where the result depends on the picture."""
    return (drawn(max_fraction, batch=batch) != drawn(max_fraction, batch=255 - batch)).any(dim=1)


def widths(kept):
    """Top, bottom, left and right of the margin around a rectangle."""
    rows, columns = kept.any(dim=1).nonzero().ravel(), kept.any(dim=0).nonzero().ravel()
    assert kept[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return [int(rows[0]), SIDES[0] - 1 - int(rows[-1]), int(columns[0]), SIDES[1] - 1 - int(columns[-1])]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_side_has_its_own_width_up_to_its_share_and_the_inside_is_left_alone(channels):
    batch = BATCH[:, :channels]
    found, kept = drawn(0.2, batch=batch), inside(0.2, batch)
    assert found.dtype == torch.uint8
    assert found.shape == batch.shape
    seen = torch.tensor([widths(one) for one in kept])
    assert seen.amax(dim=0).tolist() == [4, 4, 6, 6]
    assert seen.amin(dim=0).tolist() == [0, 0, 0, 0]
    assert len({tuple(row) for row in seen.tolist()}) > 80
    for one, before, mask in zip(found, batch, kept, strict=True):
        assert torch.equal(one[:, mask], before[:, mask])
        assert len(one[:, ~mask].unique()) <= 1


def test_the_grey_is_anything_from_black_to_white():
    found = drawn(0.4)[:, :, :1, :1]
    assert torch.equal(found[:, 0], found[:, 2])
    assert found.min() < 40
    assert found.max() > 215


def test_the_middle_is_never_covered():
    assert inside(0.4, BATCH)[:, 8:12, 12:18].all()


def test_the_generator_decides_and_the_input_is_left_alone():
    before = BATCH.clone()
    assert torch.equal(drawn(0.2, 1), drawn(0.2, 1))
    assert not torch.equal(drawn(0.2, 1), drawn(0.2, 2))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize("value", [0.0, 0.41, float("nan")])
def test_something_is_left_between_the_borders(value):
    with pytest.raises(ValueError, match=r"^max_fraction must be (above 0 and at most 0\.4|a finite number), got"):
        from_file(Border, max_fraction=value)
