"""Makes library code that uses torch's global generator use a given one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SEEDS = 2**62


@contextmanager
def draw_from(generator: torch.Generator) -> Iterator[None]:
    """Within the block torch's global CPU generator is seeded from `generator`; afterwards it has its former state.

    The generator of a GPU does not change: the code that needs this runs on the CPU.
    """
    import torch

    seed = int(torch.randint(SEEDS, (), generator=generator))
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)
