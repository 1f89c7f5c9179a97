"""Batches of training, in an order that is known at the epoch's begin, so that a training can go on between any two."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar, final

import numpy as np
import torch
from torch import Tensor

from pipeline.core.batches import ImageDataset

Item = TypeVar("Item")
Made = TypeVar("Made")
Batch = tuple[Tensor, Tensor, Tensor]


@final
class BatchLoader:
    """Batches of one epoch after the other; iterating gives what is left of the current one.

    The generator draws each epoch's order and a seed for each batch, so pictures are a pure function of the seed,
    however many threads make them and however many processes share a batch.

    Args:
        samples: Of train.
        size: Samples of a batch; the incomplete last one of an epoch is left out.
        seed: Of order and augmentation.
        threads: That make batches ahead, in pinned memory, while a GPU works on the last one. 0 makes each when it is
            asked for: right for the processor, whose cores are all at work.

    Attributes:
        began: The generator's state at the begin of the current epoch.
        taken: Batches of that epoch that were given.
        num_given: Samples of the last one.
    """

    def __init__(self, samples: ImageDataset, size: int, seed: int, threads: int = 0):
        self.samples, self.size, self.threads = samples, size, threads
        self.num_batches = max(1, len(samples) // size)
        self.generator = torch.Generator().manual_seed(seed)
        self.began, self.taken = self.generator.get_state(), 0
        self.num_given = 0

    def __iter__(self) -> Iterator[Batch]:
        self.generator.set_state(self.began)
        left = self.samples.epoch_batches(self.size, self.generator)[self.taken :]
        after = self.generator.get_state()
        for batch in make_ahead(self._make_pinned, left, self.threads) if self.threads else map(self.make, left):
            self.taken += 1
            self.num_given = len(batch[0])
            yield batch
        self.began, self.taken = after, 0

    def make(self, drawn: tuple[np.ndarray, int]) -> Batch:
        return self.samples.make_batch(*drawn)

    def _make_pinned(self, drawn: tuple[np.ndarray, int]) -> Batch:
        images, targets, cells = self.make(drawn)
        return images.pin_memory(), targets, cells


def make_ahead(make: Callable[[Item], Made], items: Iterable[Item], threads: int) -> Iterator[Made]:
    """`make` of each item, in order, up to `threads` + 1 of them made or at work before they are asked for.

    Each thread computes on one core: batches side by side take less time than one batch on all cores.
    """
    remaining = iter(items)
    device = torch.cuda.current_device() if torch.cuda.is_available() else None
    with ThreadPoolExecutor(threads, initializer=_begun, initargs=(device,)) as pool:
        waiting = deque(pool.submit(make, item) for item in islice(remaining, threads + 1))
        try:
            while waiting:
                made = waiting.popleft().result()
                waiting.extend(pool.submit(make, item) for item in islice(remaining, 1))
                yield made
        finally:
            pool.shutdown(cancel_futures=True)


def _begun(device: int | None) -> None:
    torch.set_num_threads(1)
    if device is not None:  # else the thread would pin its memory by way of the first GPU, which costs room there
        torch.cuda.set_device(device)
