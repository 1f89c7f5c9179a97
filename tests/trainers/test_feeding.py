"""Batches come in the order of one generator, made ahead or not, and go on between any two."""

import numpy as np
import pytest
import torch

from pipeline.augmentations.shift import Shift
from pipeline.core.errors import UserError
from pipeline.trainers.feeding import Feed, made_ahead


@pytest.fixture
def samples(stripes):
    return stripes(11, augmentations=(Shift(max_fraction=0.3),))


def feed(samples, **changes):
    return Feed(samples, **{"size": 4, "seed": 5, "ahead": False, **changes})


def test_epochs_are_those_of_one_generator(samples):
    generator, ours = torch.Generator().manual_seed(5), feed(samples)
    for _ in range(3):
        for batch, expected in zip(ours, samples.batches(4, generator), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(batch, expected, strict=True))
    assert ours.num_batches == 2


@pytest.mark.parametrize("taken", range(7))
def test_it_goes_on_from_where_it_was(samples, taken):
    ours, batches = feed(samples), []
    states = [(0, ours.began, ours.reached)]
    for _ in range(3):
        for images, *_ in ours:
            batches.append(images)
            states.append((ours.taken, ours.began, ours.reached))
    again = feed(samples, seed=99)
    again.taken, again.began, again.reached = states[taken]
    rest = [images for _ in range(4) for images, *_ in again][: 6 - taken]
    assert len(rest) == 6 - taken
    assert all(torch.equal(a, b) for a, b in zip(rest, batches[taken:], strict=True))


def test_made_ahead_is_the_same_and_tells_what_failed():
    assert list(made_ahead(iter(range(9)), depth=3)) == list(range(9))
    assert list(made_ahead([])) == []

    def failing():
        yield 1
        raise UserError("too small")

    found = made_ahead(failing())
    assert next(found) == 1
    with pytest.raises(UserError, match=r"^too small$"):
        next(found)


def test_made_ahead_ends_when_nobody_asks_any_more():
    made = []
    items = made_ahead((made.append(number) or number for number in range(100)), depth=2)
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert len(made) <= 4


def test_states_of_batches_made_ahead_are_those_of_the_batch_taken(samples, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)  # needs a GPU
    plain, ahead = feed(samples), feed(samples, ahead=True)
    for one, other in zip(plain, ahead, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(plain.reached, ahead.reached)
        assert plain.taken == ahead.taken
    assert np.array_equal(plain.began.numpy(), ahead.began.numpy())
