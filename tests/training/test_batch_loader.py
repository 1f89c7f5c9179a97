"""Batches come in the order of one generator, made ahead or not, and go on between any two."""

import time

import pytest
import torch

from pipeline.core.errors import UserError
from pipeline.training.augmentations.shift import Shift
from pipeline.training.batch_loader import BatchLoader, make_ahead


@pytest.fixture
def samples(stripes):
    return stripes(11, augmentations=(Shift(max_fraction=0.3),))


def feed(samples, **changes):
    return BatchLoader(samples, **{"size": 4, "seed": 5, **changes})


def test_epochs_are_those_of_one_generator(samples):
    generator, ours = torch.Generator().manual_seed(5), feed(samples)
    for _ in range(3):
        for batch, expected in zip(ours, samples.batches(4, generator), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(batch, expected, strict=True))
    assert ours.num_batches == 2


@pytest.mark.parametrize("taken", range(7))
def test_it_goes_on_from_where_it_was(samples, taken):
    ours, batches = feed(samples), []
    states = [(0, ours.epoch_start_state)]
    for _ in range(3):
        for images, *_ in ours:
            batches.append(images)
            states.append((ours.num_batches_done, ours.epoch_start_state))
    again = feed(samples, seed=99)
    again.num_batches_done, again.epoch_start_state = states[taken]
    rest = [images for _ in range(4) for images, *_ in again][: 6 - taken]
    assert len(rest) == 6 - taken
    assert all(torch.equal(a, b) for a, b in zip(rest, batches[taken:], strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_made_ahead_is_the_same_and_tells_what_failed(threads):
    def backwards(number):  # the first takes longest
        time.sleep((9 - number) / 1000)
        return -number

    assert list(make_ahead(backwards, range(9), threads)) == [-number for number in range(9)]
    assert list(make_ahead(backwards, [], threads)) == []

    def failing(number):
        if number:
            raise UserError("too small")

    found = make_ahead(failing, range(5), threads)
    assert next(found) is None
    with pytest.raises(UserError, match=r"^too small$"):
        next(found)


def test_made_ahead_ends_when_nobody_asks_any_more():
    made = []
    items = make_ahead(lambda number: made.append(number) or number, range(100), threads=2)
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert len(made) <= 5  # two given, three made or at work


def test_threads_compute_on_one_core_each_and_leave_this_one_as_it_is():
    before = torch.get_num_threads()
    assert list(make_ahead(lambda _: torch.get_num_threads(), range(4), threads=2)) == [1] * 4
    assert torch.get_num_threads() == before


def test_batches_made_ahead_are_the_same_ones_and_go_on_alike(samples, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)  # needs a GPU
    plain, ahead = feed(samples), feed(samples, threads=3)
    for _ in range(2):
        for one, other in zip(plain, ahead, strict=True):
            assert torch.equal(one[0], other[0])
            assert plain.num_batches_done == ahead.num_batches_done
        assert torch.equal(plain.epoch_start_state, ahead.epoch_start_state)
