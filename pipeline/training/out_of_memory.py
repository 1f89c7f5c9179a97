"""What to do when a batch does not fit into a GPU's memory."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.training.batch_loader import Batch
    from pipeline.training.loop import Loop


def free_memory() -> None:
    """Frees the memory that a failed attempt still holds."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def smallest_part(loop: Loop) -> int:
    """Samples of the smallest possible part: batch normalisation needs two in each process."""
    return 2 * loop.processes.count


def largest_that_fits(loop: Loop, size: int) -> int | None:
    """The largest half, quarter, ... of `size` whose gradient fits into memory, found by trying; None if none does."""
    chosen, seed = loop.feed.samples.epoch_batches(size, loop.feed.generator)[0]
    whole = loop.feed.samples.make_batch(chosen, seed)
    while (size := size // 2) >= smallest_part(loop):
        batch: Batch = tuple(one[:size] for one in whole)
        try:
            free_memory()
            loop.optimiser.zero_grad(set_to_none=True)
            loop.gradients(batch, num_parts=1)
            return size
        except torch.OutOfMemoryError:
            continue
    return None


def refusal(loop: Loop) -> UserError:
    """The error that names the largest batch that fits.

    With several processes no smaller batch is tried, since all processes must step together.
    """
    options = loop.optimisation
    size = options.batch_size // 2**loop.halvings
    problem = f"a batch of {size} does not fit into the GPU's memory at step {loop.step + 1}"
    if loop.processes.count > 1:
        return UserError(f"{problem}, shared by {loop.processes.count} processes; lower train.batch_size")
    fits = largest_that_fits(loop, size)
    if fits is None:
        least = smallest_part(loop)
        return UserError(f"{problem}, nor does one of {least}; lower image_size or take a smaller encoder")
    parts = options.accumulation * (options.batch_size // fits)
    return UserError(
        f"{problem}, but one of {fits} does; set train.batch_size={fits} and train.accumulation={parts} for the same "
        "steps, or train.halve_batch=true"
    )
