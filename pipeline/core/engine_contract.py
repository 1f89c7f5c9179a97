"""The contract of an engine: one function over many items, on one machine or on many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Engine(ABC):
    """Applies a function to many items, in order; which engine it is changes no result.

    So no stage depends on it: it is chosen by the environment variable COLIBRI_ENGINE, and its options in conf/engine/
    are in no params.yaml. Items are taken as results are, so that neither pile up. Functions and models are
    picklable and have no side effects. When a process dies, what it worked on is done again, an item alone, so
    that the one that kills its process is identified.
    """

    @abstractmethod
    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        what: str,
        killed: Callable[[Any], Any] | None = None,
    ) -> Iterator[Any]:
        """The result of each item, in their order.

        Args:
            function: Of one item.
            items: Picklable, any number of them.
            what: Begins the messages.
            killed: The result of an item that kills its process; None stops the run.

        Raises:
            UserError: An item kills its process and `killed` is None, or the engine cannot be used.
        """

    @abstractmethod
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
        """What a model makes of the results of `size` consecutive items (the last time fewer), in order.

        Args:
            function: As for `map`.
            model: Of a list of results; a process that computes it keeps it for the next ones.
            items: As for `map`.
            size: At least 1. A model of floating-point numbers depends on it in its last digits, so it is the caller's.
            what: As for `map`.
            killed: As for `map`.
            arrived: Called with how many more items are done: one by one where the model is in this process, else a
                batch at a time. Their sum is never more than the items whose results are here.

        Raises:
            UserError: As for `map`, or the model kills its process.
        """

    @abstractmethod
    def stop(self) -> None:
        """Ends what works for this process at once, even in the middle of an item."""
