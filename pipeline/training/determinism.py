"""Same seed, same machine, same weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch


@contextmanager
def make_reproducible(seed: int, deterministic: bool = True) -> Iterator[None]:
    """A block with random states of its own; the caller's states and settings are left as they were.

    Args:
        seed: Of torch's random states within the block.
        deterministic: Only kernels whose result is always the same; else a GPU picks the fastest.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's matrix products refuse
    before = torch.are_deterministic_algorithms_enabled()
    memory, cudnn = cast(Any, torch.utils.deterministic), cast(Any, torch.backends.cudnn)
    filled, chooses = memory.fill_uninitialized_memory, cudnn.benchmark
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = False  # a debugging aid that costs a tenth of the speed
        cudnn.benchmark = not deterministic
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            memory.fill_uninitialized_memory = filled
            cudnn.benchmark = chooses
