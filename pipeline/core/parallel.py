"""One function over many items on all cores, in order, with a progress bar and bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pipeline.core.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_workers() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], total: int, what: str, workers: int | None = None
) -> Iterator[Result]:
    """Results in the order of the items, computed by worker processes as they are asked for.

    Args:
        function: Picklable, without side effects.
        items: Picklable.
        total: Number of items, for the bar.
        what: What the bar says.
        workers: Processes; None takes one per core, 1 stays in this process.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError
    from tqdm import tqdm

    workers = workers or num_workers()
    if total < 64:  # starting processes takes longer than this
        workers = 1
    results = Parallel(
        n_jobs=workers, return_as="generator", batch_size=16 if workers > 1 else 1, pre_dispatch="4*n_jobs"
    )(delayed(function)(item) for item in items)
    try:
        yield from tqdm(results, total=total, desc=what, unit="pictures", leave=False, disable=None)
    except TerminatedWorkerError:
        raise UserError(
            f"{what}: a worker process was killed, mostly for lack of memory; close other programs or lower max_pixels"
        ) from None
