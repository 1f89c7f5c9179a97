"""The processes of this machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, final

from pipeline.core import parallel, termination
from pipeline.core.engine_contract import Engine
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt

BATCH = 16  # items sent at once: less talk between processes than one by one
BATCHES_AHEAD = 4  # of each worker; with BATCH it bounds how many results wait for their turn
_pools: list[Any] = []  # the last one, which is kept for the next call


@final
@dataclass(frozen=True, kw_only=True)
class LocalEngine(Engine):
    """Worker processes of this machine; models stay in this process, with all its threads.

    Args:
        workers: Processes; None takes one per core, 1 stays in this process.
    """

    workers: PositiveInt | None = None

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        what: str,
        killed: Callable[[Any], Any] | None = None,
    ) -> Iterator[Any]:
        workers = self.workers or parallel.num_workers()
        return map(function, items) if workers == 1 else _in_processes(function, items, what, workers, killed)

    def map_batches(
        self,
        function: Callable[[Any], Any],
        model: Callable[[list[Any]], Any],
        items: Iterable[Any],
        size: int,
        what: str,
        killed: Callable[[Any], Any] | None = None,
        arrived: Callable[[int], None] | None = None,
    ) -> Iterator[Any]:
        yield from apply_here(model, self.map(function, items, what, killed), size, arrived)

    def stop(self) -> None:
        while _pools:
            _pools.pop().shutdown(wait=False, kill_workers=True)


def apply_here(
    model: Callable[[list[Any]], Any], results: Iterator[Any], size: int, arrived: Callable[[int], None] | None
) -> Iterator[Any]:
    """What a model in this process makes of results as they come; each is counted when it is here."""

    def count() -> Iterator[Any]:
        for result in results:
            if arrived is not None:
                arrived(1)
            yield result

    counted = count()
    while part := list(islice(counted, size)):
        yield model(part)


def map_alone(function: Callable[[Any], Any], item: Any, what: str, killed: Callable[[Any], Any] | None = None) -> Any:
    """The result of one item, computed alone in a process of this machine.

    Raises:
        UserError: It kills its process and `killed` is None.
    """
    from concurrent.futures.process import BrokenProcessPool

    try:
        return _pool(1).submit(function, item).result()
    except BrokenProcessPool:
        return replace_killed(item, what, killed)


def replace_killed(item: Any, what: str, killed: Callable[[Any], Any] | None) -> Any:
    """What stands for the result of an item that kills its process.

    Raises:
        UserError: `killed` is None.
    """
    if killed is None:
        raise UserError(
            f"{what}: {item!r} kills the process that works on it, mostly for lack of memory; "
            "close other programs, lower max_pixels, or take it out of the source"
        ) from None
    return killed(item)


def _in_processes(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    what: str,
    workers: int,
    killed: Callable[[Any], Any] | None,
) -> Iterator[Any]:
    from concurrent.futures.process import BrokenProcessPool

    remaining = iter(items)
    waiting: deque[tuple[list[Any], Any]] = deque()
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
                        yield from (map_alone(function, item, what, killed) for item in batch)
                waiting.clear()
    finally:
        for _, done in waiting:
            done.cancel()


def _each(function: Callable[[Any], Any], batch: list[Any]) -> list[Any]:
    return [function(item) for item in batch]


def _pool(workers: int) -> Any:
    """joblib's processes: they are reused by the next call, replaced after a death, and need no import guard."""
    from joblib.externals.loky import get_reusable_executor

    pool = get_reusable_executor(max_workers=workers, initializer=termination.with_parent, initargs=(os.getpid(),))
    _pools[:] = [pool]
    return pool
