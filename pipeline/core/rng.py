"""Library code that draws from torch's global generator, made to draw from a given one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SEEDS = 2**62


@contextmanager
def draw_from(generator: torch.Generator) -> Iterator[None]:
    """Inside, torch's global generator of the processor is seeded by one draw; after, it is as it was.

    That of a GPU is left alone: the code meant here works on the processor.
    """
    import torch

    seed = int(torch.randint(SEEDS, (), generator=generator))
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)
