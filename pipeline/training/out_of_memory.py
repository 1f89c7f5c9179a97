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
    """Gives back what a failed attempt still holds."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def smallest_part(loop: Loop) -> int:
    """Samples of a part that cannot be halved again: batch normalisation needs two in each process."""
    return 2 * loop.processes.count


def largest_that_fits(loop: Loop, size: int) -> int | None:
    """The largest half, quarter, ... of `size` whose gradient can be computed, or None; by trying."""
    images, *rest = loop.feed.samples.make_batch(loop.feed.samples.order(loop.feed.generator)[:size])
    while (size := size // 2) >= smallest_part(loop):
        batch: Batch = (images[:size], rest[0][:size], rest[1][:size])
        try:
            free_memory()
            loop.optimiser.zero_grad(set_to_none=True)
            loop.gradients(batch, num_parts=1)
            return size
        except torch.OutOfMemoryError:
            continue
    return None


def refusal(loop: Loop) -> UserError:
    """One line that names the largest batch that fits; several processes cannot try, since all must step together."""
    options = loop.optimisation
    size = options.batch_size // 2**loop.halvings
    told = f"a batch of {size} does not fit into the GPU's memory at step {loop.step + 1}"
    if loop.processes.count > 1:
        return UserError(f"{told}, {loop.processes.count} processes sharing it; lower train.batch_size")
    fits = largest_that_fits(loop, size)
    if fits is None:
        return UserError(f"{told}, and none of {smallest_part(loop)} does; lower image_size or take a smaller encoder")
    parts = options.accumulation * (options.batch_size // fits)
    return UserError(
        f"{told}, one of {fits} does; set train.batch_size={fits} and train.accumulation={parts} for the same steps, "
        "or train.halve_batch=true"
    )
