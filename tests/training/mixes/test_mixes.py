"""Pictures and targets are mixed by the same share, drawn from the generator."""

import numpy as np
import pytest
import torch
from file_options import from_file

from pipeline.core.batches import ImageDataset
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.mixes.cutmix import Cutmix
from pipeline.training.mixes.mixup import Mixup
from pipeline.training.mixes.unmixed import Unmixed


def batch(num=4, side=16):
    """Picture n is n everywhere, and its class is n: what is in a mixed picture can be read off."""
    values = torch.arange(num, dtype=torch.float32)
    return values[:, None, None, None].expand(num, 3, side, side).contiguous(), torch.eye(num)


def mixed(mix, seed=0, **size):
    return mix(*batch(**size), torch.Generator().manual_seed(seed))


def test_mixup_mixes_pictures_and_targets_by_one_share():
    images, targets = mixed(Mixup(alpha=1.0))
    share = targets[1, 1].item()
    assert 0 < share < 1
    expected = share * torch.eye(4) + (1 - share) * torch.eye(4).roll(1, 0)
    torch.testing.assert_close(targets, expected)
    torch.testing.assert_close(images[:, 0, 0, 0], targets @ torch.arange(4.0))
    assert (images == images[:, :1, :1, :1]).all()


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_mixes_targets_by_the_area_that_is_left(seed):
    images, targets = mixed(Cutmix(alpha=1.0), seed)
    for number in range(4):
        own = (images[number] == number).float().mean().item()
        assert targets[number, number].item() == pytest.approx(own)
        assert targets[number].sum().item() == pytest.approx(1)
        assert set(images[number].unique().tolist()) <= {number, (number - 1) % 4}


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        (Mixup(alpha=1.0), 1 / 2),
        # a box of side r, r^2 uniform, is cut off at the edge: (r - r^2 / 4)^2 of the area is left of it on average
        (Cutmix(alpha=1.0), 1 - (1 / 2 - 1 / 5 + 1 / 48)),
    ],
    ids=["mixup", "cutmix"],
)
def test_shares_are_spread_as_alpha_says(mix, expected):
    shares = torch.tensor([mixed(mix, seed, num=2, side=64)[1][0, 0].item() for seed in range(300)])
    assert shares.mean().item() == pytest.approx(expected, abs=0.06)  # four standard errors
    assert shares.min() < 0.2
    assert shares.max() > 0.8


def test_a_small_alpha_mixes_little():
    shares = [mixed(Mixup(alpha=0.1), seed)[1].amax().item() for seed in range(100)]
    assert np.median(shares) > 0.97


@pytest.mark.parametrize("mix", [Mixup(alpha=1.0), Cutmix(alpha=1.0)], ids=lambda one: type(one).__name__)
def test_the_generator_decides_and_nothing_else_is_touched(mix):
    images, targets = batch()
    before, state = (images.clone(), targets.clone()), torch.get_rng_state()
    once, again, other = (mix(images, targets, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(once[0], again[0])
    assert torch.equal(once[1], again[1])
    assert not torch.equal(once[1], other[1])
    assert torch.equal(images, before[0])
    assert torch.equal(targets, before[1])
    assert torch.equal(torch.get_rng_state(), state)


def test_several_labels_are_mixed_too():
    targets = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    _, found = Mixup(alpha=1.0)(torch.zeros(2, 3, 4, 4), targets, torch.Generator().manual_seed(0))
    share = found[0, 0].item()
    torch.testing.assert_close(found, torch.tensor([[share, share], [1 - share, 1 - share]]))


def test_unmixed_gives_back_what_it_got_and_draws_nothing():
    generator = torch.Generator().manual_seed(0)
    images, targets = batch()
    found = Unmixed()(images, targets, generator)
    assert found[0] is images
    assert found[1] is targets
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state())
    assert (Unmixed.mixes, Mixup.mixes, Cutmix.mixes) == (False, True, True)


def test_batches_are_mixed_in_training_only_and_the_targets_of_the_data_stay():
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), dtype=np.uint8)
    targets = np.eye(2, dtype=np.float32)[np.arange(8) % 2]
    transform = Normalise(image_size=8, mean=[0.5] * 3, std=[0.5] * 3)
    samples = ImageDataset(images, np.arange(8), targets, transform, mix=Mixup(alpha=1.0))
    (_, found, _), *_ = samples.batches(8, torch.Generator().manual_seed(0))
    assert ((found > 0) & (found < 1)).any()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(8))
    (_, plain, _), *_ = samples.batches(8)
    assert torch.equal(plain, torch.from_numpy(np.eye(2, dtype=np.float32)[np.arange(8) % 2]))


@pytest.mark.parametrize("mix", [Mixup, Cutmix])
@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_choices(mix, alpha):
    with pytest.raises(ValueError, match=r"^alpha must be (above 0 and below inf|a finite number), got"):
        from_file(mix, alpha=alpha)
