"""What draws from the global generator follows the given one, and leaves the global one as it was."""

import pytest
import torch

from pipeline.core.rng import draw_from


def drawn(seed):
    with draw_from(torch.Generator().manual_seed(seed)):
        return torch.rand(3)


def test_the_given_generator_decides():
    torch.manual_seed(1)
    one = drawn(0)
    torch.manual_seed(2)
    assert torch.equal(one, drawn(0))
    assert not torch.equal(one, drawn(1))


def test_it_moves_on_by_one_draw_so_that_the_next_block_differs():
    generator = torch.Generator().manual_seed(0)
    blocks = []
    for _ in range(2):
        with draw_from(generator):
            blocks.append(torch.rand(3))
    assert not torch.equal(*blocks)


def test_the_global_generator_is_left_as_it_was_also_after_a_mistake():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError, match="division by zero"), draw_from(torch.Generator()):
        _ = torch.rand(1) / 1, 1 / 0
    assert torch.equal(torch.get_rng_state(), before)
