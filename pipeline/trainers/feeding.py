"""Batches of training, each with the state of the draws after it, so that a training can go on between any two."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, final

import torch
from torch import Tensor

from pipeline.core.samples import Samples

DEPTH = 2  # batches made ahead

Made = TypeVar("Made")
Batch = tuple[Tensor, Tensor, Tensor]


@final
class Feed:
    """Batches of one epoch after the other; iterating gives what is left of the current one.

    Everything random comes from one generator of its own, in the order of the batches: pictures are a pure function
    of the seed, whatever is made ahead and however many processes share a batch.

    Args:
        samples: Of train.
        size: Samples of a batch; the incomplete last one of an epoch is left out.
        seed: Of order and augmentation.
        ahead: Makes batches in a thread while a GPU works on the last one. Not for the processor, whose cores are all
            at work; and a batch must then draw from its generator only.
    """

    def __init__(self, samples: Samples, size: int, seed: int, ahead: bool):
        self.samples, self.size, self.ahead = samples, size, ahead
        self.num_batches = max(1, len(samples) // size)
        self.generator = torch.Generator().manual_seed(seed)
        self.taken = 0
        self.began = self.reached = self.generator.get_state()  # at the epoch's begin, and after the last batch taken

    def __iter__(self) -> Iterator[Batch]:
        made = self._made()
        for batch, state in made_ahead(made) if self.ahead else made:
            self.taken, self.reached = self.taken + 1, state
            yield batch
        self.taken, self.began = 0, self.reached

    def _made(self) -> Iterator[tuple[Batch, Tensor]]:
        first = self.taken
        self.generator.set_state(self.began)
        order = self.samples.order(self.generator)
        if first:
            self.generator.set_state(self.reached)
        for number in range(first, self.num_batches):
            chosen = order[number * self.size : (number + 1) * self.size]
            batch = self.samples.batch(chosen, self.generator)  # a change of whole batches goes here
            if self.ahead:
                batch = (batch[0].pin_memory(), *batch[1:])
            yield batch, self.generator.get_state()


def made_ahead(items: Iterable[Made], depth: int = DEPTH) -> Iterator[Made]:
    """The same items in the same order, up to `depth` of them made in a thread before they are asked for."""
    made, end = iter(items), object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting = deque(thread.submit(next, made, end) for _ in range(depth))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, made, end))
            yield item  # type: ignore[misc]
