"""A part of the pictures loses its colour."""

import pytest
import torch
from file_options import from_file

from pipeline.training.augmentations.grey import Grey

BATCH = torch.randint(0, 256, (400, 3, 4, 5), generator=torch.Generator().manual_seed(0)).byte()


def greyed(share, seed=0, batch=BATCH):
    return Grey(share=share)(batch, torch.Generator().manual_seed(seed))


def test_red_green_and_blue_by_hand():
    """Luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, of 255 each: 76.2, 149.7 and 29.1."""
    pure = (255 * torch.eye(3)).byte()[:, :, None, None].expand(3, 3, 2, 2)
    found = greyed(1.0, batch=pure)
    assert found.shape == pure.shape
    assert (found == found[:, :1, :1, :1]).all()
    assert all(abs(a - b) <= 1 for a, b in zip(found[:, 0, 0, 0].tolist(), [76.2, 149.7, 29.1], strict=True))


def test_a_share_of_the_pictures_is_grey_and_the_others_are_as_they_were():
    found = greyed(0.2)
    assert found.dtype == torch.uint8
    is_grey = (found == found[:, :1]).all(dim=(1, 2, 3))
    assert torch.equal(found[~is_grey], BATCH[~is_grey])
    assert 55 <= int(is_grey.sum()) <= 105  # 80 expected, standard deviation 8


def test_none_and_pictures_of_one_channel():
    assert torch.equal(greyed(0.0), BATCH)
    assert torch.equal(greyed(1.0, batch=BATCH[:, :1]), BATCH[:, :1])


def test_the_generator_decides_and_the_input_is_left_alone():
    before = BATCH.clone()
    assert torch.equal(greyed(0.5, 1), greyed(0.5, 1))
    assert not torch.equal(greyed(0.5, 1), greyed(0.5, 2))
    assert torch.equal(BATCH, before)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_the_share_is_a_probability(share):
    with pytest.raises(ValueError, match=r"^share must be (0 to 1|a finite number), got"):
        from_file(Grey, share=share)
