"""Reproducible training: the same seed gives the same weights on the same machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch


@contextmanager
def make_reproducible(seed: int, deterministic: bool = True) -> Iterator[None]:
    """A block with random states of its own; afterwards the caller's states and settings are restored.

    Args:
        seed: Seed of torch's random states within the block.
        deterministic: Only kernels whose result is always the same; else a GPU chooses the fastest.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it matrix products on a GPU raise an error
    before = torch.are_deterministic_algorithms_enabled()
    memory, cudnn = cast(Any, torch.utils.deterministic), cast(Any, torch.backends.cudnn)
    fill, benchmark = memory.fill_uninitialized_memory, cudnn.benchmark
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = False  # a debugging aid that costs a tenth of the speed
        cudnn.benchmark = not deterministic
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            memory.fill_uninitialized_memory = fill
            cudnn.benchmark = benchmark
