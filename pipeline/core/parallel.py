"""One function over many items on all cores, in order, with a progress bar, bounded memory and no lost run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from pipeline.core import progress, termination
from pipeline.core.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 16  # items sent at once: less talk between processes than one by one
_pools: list[Any] = []  # the last one, which is kept for the next call
BATCHES_AHEAD = 4  # of each worker; with BATCH it bounds how many results wait for their turn


def num_workers() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    total: int,
    what: str,
    workers: int | None = None,
    killed: Callable[[Item], Result] | None = None,
) -> Iterator[Result]:
    """Results in the order of the items, computed by worker processes on demand.

    When a worker dies (for lack of memory, or by a fault in a decoder), the items then at work are done again, each
    in a process of its own, so that the one that kills it is identified.

    Args:
        function: Picklable, without side effects.
        items: Picklable.
        total: Number of items, for the bar.
        what: Label of the bar.
        workers: Processes; None takes one per core, 1 stays in this process.
        killed: The result of an item that kills its process; None stops the run.

    Raises:
        UserError: An item kills its process and `killed` is None.
    """
    workers = workers or num_workers()
    if total < 64:  # starting processes takes longer than this
        workers = 1
    results = map(function, items) if workers == 1 else _in_processes(function, items, what, workers, killed)
    yield from progress.track(results, total, what)


def _in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    what: str,
    workers: int,
    killed: Callable[[Item], Result] | None,
) -> Iterator[Result]:
    from concurrent.futures.process import BrokenProcessPool

    remaining = iter(items)
    waiting: deque[tuple[list[Item], Any]] = deque()
    try:
        while True:
            pool = _pool(workers)
            while len(waiting) < workers * BATCHES_AHEAD and (batch := list(islice(remaining, BATCH))):
                waiting.append((batch, pool.submit(_each, function, batch)))
            if not waiting:
                return
            try:
                yield from waiting[0][1].result()
                waiting.popleft()
            except BrokenProcessPool:
                for batch, done in waiting:
                    if done.done() and not done.exception():
                        yield from done.result()
                    else:
                        yield from (_alone(function, item, what, killed) for item in batch)
                waiting.clear()
    finally:
        for _, done in waiting:
            done.cancel()


def _each(function: Callable[[Item], Result], batch: list[Item]) -> list[Result]:
    return [function(item) for item in batch]


def _alone(
    function: Callable[[Item], Result], item: Item, what: str, killed: Callable[[Item], Result] | None
) -> Result:
    """The result of one item, computed alone in a process."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        result: Result = _pool(1).submit(function, item).result()
    except BrokenProcessPool:
        if killed is None:
            raise UserError(
                f"{what}: {item!r} kills the process that works on it, mostly for lack of memory; "
                "close other programs, lower max_pixels, or take it out of the source"
            ) from None
        return killed(item)
    return result


def _pool(workers: int) -> Any:
    """joblib's processes: they are reused by the next call, replaced after a death, and need no import guard."""
    from joblib.externals.loky import get_reusable_executor

    pool = get_reusable_executor(max_workers=workers, initializer=termination.with_parent, initargs=(os.getpid(),))
    _pools[:] = [pool]
    return pool


def stop() -> None:
    """Ends the worker processes at once, even in the middle of an item."""
    while _pools:
        _pools.pop().shutdown(wait=False, kill_workers=True)
