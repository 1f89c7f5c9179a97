"""Augmentations that torchvision makes: each sample by its own draw, from the given generator alone."""

import pytest
import torch
from file_options import from_file

from pipeline.checks.augmentation_variants import list_variants
from pipeline.training.augmentations.erasing import LEAST, Erasing
from pipeline.training.augmentations.mixed_chains import MixedChains
from pipeline.training.augmentations.rand import RandAugment
from pipeline.training.augmentations.trivial import TrivialAugment

CHANGES = [
    TrivialAugment(),
    RandAugment(max_magnitude=9, num_changes=2),
    MixedChains(max_severity=3),
    Erasing(probability=1.0, max_area=0.4),
]
named = pytest.mark.parametrize("augmentation", CHANGES, ids=lambda one: type(one).__name__)


def pictures(num=12, channels=3):
    return torch.randint(0, 256, (num, channels, 20, 24), generator=torch.Generator().manual_seed(0)).byte()


def drawn(augmentation, batch, seed=0):
    return augmentation(batch, torch.Generator().manual_seed(seed))


@named
@pytest.mark.parametrize("channels", [1, 3])
def test_the_generator_decides_and_nothing_else_is_touched(augmentation, channels):
    batch, state = pictures(channels=channels), torch.get_rng_state()
    before = batch.clone()
    found = drawn(augmentation, batch)
    torch.manual_seed(99)
    assert torch.equal(found, drawn(augmentation, batch))
    assert not torch.equal(found, drawn(augmentation, batch, seed=1))
    assert found.dtype == torch.uint8
    assert found.shape == batch.shape
    assert torch.equal(batch, before)
    torch.set_rng_state(state)
    drawn(augmentation, batch)
    assert torch.equal(torch.get_rng_state(), state)


@named
def test_each_sample_has_its_own_draws(augmentation):
    copies = pictures(1).repeat(16, 1, 1, 1)
    found = drawn(augmentation, copies)
    assert len({tuple(one.flatten().tolist()) for one in found}) >= 8  # some change a picture little, or not


def test_a_larger_magnitude_changes_more():
    batch = pictures(64)

    def changed(augmentation):
        return (drawn(augmentation, batch).float() - batch.float()).abs().mean().item()

    assert changed(RandAugment(max_magnitude=1, num_changes=1)) < changed(RandAugment(max_magnitude=30, num_changes=1))
    assert changed(MixedChains(max_severity=1)) < changed(MixedChains(max_severity=10))


def test_erasing_takes_a_rectangle_of_the_size_and_share_that_are_allowed():
    batch = torch.full((400, 3, 40, 40), 7, dtype=torch.uint8)
    found = drawn(Erasing(probability=0.5, max_area=0.3), batch)
    erased = (found != 7).any(dim=1)
    hit = erased.flatten(1).any(dim=1)
    assert hit.float().mean().item() == pytest.approx(0.5, abs=0.1)  # four standard errors
    for one in erased[hit]:
        rows, columns = one.any(dim=1).nonzero().flatten(), one.any(dim=0).nonzero().flatten()
        height, width = (int(side[-1] - side[0] + 1) for side in (rows, columns))
        assert LEAST * 0.7 <= height * width / 1600 <= 0.3 * 1.1  # sides are whole pixels
        assert 0.25 <= height / width <= 4
        assert one.sum() > 0.99 * height * width  # noise is 7 in all channels once in 16 million


def test_erasing_leaves_a_picture_in_which_no_rectangle_fits():
    line = torch.full((50, 1, 1, 30), 7, dtype=torch.uint8)
    assert torch.equal(drawn(Erasing(probability=1.0, max_area=0.4), line), line)


def test_a_policy_of_them_is_taken_apart_into_what_has_a_strength():
    policy = {"trivial": CHANGES[0], "rand": CHANGES[1], "augmix": CHANGES[2], "erasing": CHANGES[3]}
    found = list(list_variants(policy))
    names = [one.name for one in found]
    assert names[0] == "trivial"
    assert {"rand.max_magnitude", "augmix.max_severity", "erasing.max_area"} <= set(names)
    sizes = {one.name: [weak.size for weak in one.weaker()] for one in found}
    assert sizes["rand.max_magnitude"] == [4, 2, 1]
    assert sizes["augmix.max_severity"] == [2, 1]
    assert sizes["erasing.max_area"] == [0.2, 0.1, 0.05]
    for one in found:
        for weak in one.weaker():
            assert drawn(weak.augmentation, pictures(2)).shape == (2, 3, 20, 24)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (RandAugment, {"max_magnitude": 0, "num_changes": 2}, r"^max_magnitude must be 1 to 30, got 0$"),
        (RandAugment, {"max_magnitude": 9, "num_changes": 0}, r"^num_changes must be at least 1, got 0$"),
        (MixedChains, {"max_severity": 11}, r"^max_severity must be 1 to 10, got 11$"),
        (Erasing, {"probability": 0.0, "max_area": 0.4}, r"^probability must be above 0 and at most 1, got 0\.0$"),
        (Erasing, {"probability": 0.5, "max_area": 1.0}, r"^max_area must be above 0\.02 and below 1, got 1\.0$"),
    ],
)
def test_wrong_choices(kind, options, message):
    with pytest.raises(ValueError, match=message):
        from_file(kind, **options)
