"""Python warnings ignored while pictures are decoded, in any number of threads at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import final


@final
class Silence:
    """Ignores all warnings while any thread is within the block.

    `warnings.catch_warnings` replaces filters that are global: of two threads that overlap, the later one restores the
    filters of the earlier one, which ignore everything, for good. So the first thread to enter sets them and the last
    one to leave restores them.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._num_within = 0
        self._filters = warnings.catch_warnings()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._num_within == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")
            self._num_within += 1
        try:
            yield
        finally:
            with self._lock:
                self._num_within -= 1
                if self._num_within == 0:
                    self._filters.__exit__(None, None, None)


ignore_warnings = Silence()
