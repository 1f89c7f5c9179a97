"""Batches of training, in an order fixed at the start of an epoch: training can be resumed after any of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar, final

import numpy as np
import torch
from torch import Tensor

from pipeline.core.batches import TrainingSamples

Item = TypeVar("Item")
Result = TypeVar("Result")
Batch = tuple[Tensor, ...]


@final
class BatchLoader:
    """Batches of one epoch after the other; an iteration yields those that are left of the current epoch.

    The generator samples each epoch's order and a seed for each batch. So the batches depend on the seed alone, not on
    the number of threads that make them or of processes that share them.

    Args:
        samples: Of train.
        size: Samples of a batch; the incomplete last one of an epoch is left out.
        seed: Of order and augmentation.
        threads: Number of threads that prepare batches in pinned memory while a GPU computes. With 0 each batch is made
            when it is needed: right for the processor, whose cores are all busy.

    Attributes:
        epoch_start_state: The generator's state at the start of the current epoch.
        num_batches_done: Batches of that epoch yielded so far.
    """

    def __init__(self, samples: TrainingSamples, size: int, seed: int, threads: int = 0):
        self.samples, self.size, self.threads = samples, size, threads
        self.num_batches = samples.num_batches(size)
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch_start_state, self.num_batches_done = self.generator.get_state(), 0

    def __iter__(self) -> Iterator[Batch]:
        self.generator.set_state(self.epoch_start_state)
        left = self.samples.epoch_batches(self.size, self.generator)[self.num_batches_done :]
        after = self.generator.get_state()
        for batch in make_ahead(self._make_pinned, left, self.threads) if self.threads else map(self.make, left):
            self.num_batches_done += 1
            yield batch
        self.epoch_start_state, self.num_batches_done = after, 0

    def make(self, positions_and_seed: tuple[np.ndarray, int]) -> Batch:
        return self.samples.make_batch(*positions_and_seed)

    def _make_pinned(self, positions_and_seed: tuple[np.ndarray, int]) -> Batch:
        images, *facts = self.make(positions_and_seed)
        return images.pin_memory(), *facts


def make_ahead(make: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """`make` of each item, in order; up to `threads` + 1 results are computed ahead.

    Each thread computes on one core: several batches at once take less time than one batch on all cores.
    """
    remaining = iter(items)
    device = torch.cuda.current_device() if torch.cuda.is_available() else None
    with ThreadPoolExecutor(threads, initializer=_prepare_thread, initargs=(device,)) as pool:
        waiting = deque(pool.submit(make, item) for item in islice(remaining, threads + 1))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(make, item) for item in islice(remaining, 1))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare_thread(device: int | None) -> None:
    torch.set_num_threads(1)
    if device is not None:  # else the thread would pin its memory through the first GPU, which takes memory there
        torch.cuda.set_device(device)
