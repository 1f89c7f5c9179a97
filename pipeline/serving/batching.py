"""Collects pictures of many requests into batches, which one thread classifies."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.prediction.classifier import Answers
from pipeline.serving.limits import Limits, Refusal

if TYPE_CHECKING:
    from pipeline.serving.served_model import ServedModel

Report = Callable[[int, float], None]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Waiting:
    """A picture in the queue.

    Attributes:
        model: That decodes and classifies it.
        pixels: (size, size, C) uint8.
        answer: Of this picture alone.
    """

    model: ServedModel
    pixels: np.ndarray
    answer: Future[Answers]


@final
class Batcher:
    """One thread that runs the network on up to `limits.batch` pictures at once.

    A picture waits for others only while such are being decoded, and at most `limits.wait_ms`. A batch holds pictures
    of one model: those that were decoded for the model before a change are classified by it.

    Args:
        limits: The size of a batch, the time and the length of the queue.
        report: Called with the size of each batch and its seconds.
    """

    def __init__(self, limits: Limits, report: Report = lambda size, seconds: None):
        self.limits, self.report = limits, report
        self.queue: queue.Queue[Waiting | None] = queue.Queue()
        self.num_expected = 0  # pictures that are being decoded, or in the queue
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self.thread.start()

    def expect(self, number: int) -> None:
        """Announces pictures, each of which is submitted or forgotten.

        Raises:
            Refusal: Too many are waiting.
        """
        with self.lock:
            if self.num_expected + number > max(self.limits.requests, self.limits.pictures):
                raise Refusal(
                    503, "busy", f"{self.num_expected} {self.limits.noun}s are waiting; send the request again later"
                )
            self.num_expected += number

    def forget(self, number: int) -> None:
        """Takes back what `expect` announced: pictures that cannot be decoded."""
        with self.lock:
            self.num_expected -= number

    def submit(self, model: ServedModel, pixels: np.ndarray) -> Future[Answers]:
        """Puts a picture that was announced into the queue."""
        answer: Future[Answers] = Future()
        self.queue.put(Waiting(model=model, pixels=pixels, answer=answer))
        return answer

    def close(self) -> None:
        """Answers what is in the queue, then ends the thread."""
        self.queue.put(None)
        self.thread.join()

    def _run(self) -> None:
        while (first := self.queue.get()) is not None:
            batch, is_last = self._collect(first)
            for _, items in groupby(batch, key=lambda one: id(one.model)):
                self._classify(list(items))
            if is_last:
                return

    def _collect(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """The pictures of a batch, and whether the thread should end after it."""
        batch, deadline = [first], time.monotonic() + self.limits.wait_ms / 1000
        while len(batch) < self.limits.batch:
            try:
                if self.num_expected > len(batch):
                    item = self.queue.get(timeout=max(0.0, deadline - time.monotonic()))
                else:
                    item = self.queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _classify(self, items: list[Waiting]) -> None:
        start = time.monotonic()
        live = [one for one in items if one.answer.set_running_or_notify_cancel()]
        found: list[Answers] | Exception = []
        try:
            if live:
                found = split_answers(live[0].model.classifier.classify([one.pixels for one in live]))
                assert len(found) == len(live)
        except Exception as error:
            found = error
        self.forget(len(items))  # before anybody hears of an answer: who has one waits for none
        for place, item in enumerate(live):
            if isinstance(found, Exception):
                item.answer.set_exception(found)
            else:
                item.answer.set_result(found[place])
        self.report(len(live), time.monotonic() - start)


def split_answers(found: Answers) -> list[Answers]:
    """The answers of N pictures as N answers of one picture each."""
    return [
        Answers(
            labels=found.labels[place : place + 1],
            scores=found.scores[place : place + 1],
            abstains=_slice(found.abstains, place),
            sets=None if found.sets is None else found.sets[place : place + 1],
            out_of_distribution=_slice(found.out_of_distribution, place),
            reasons=_slice(found.reasons, place),
        )
        for place in range(len(found.labels))
    ]


def _slice(values: np.ndarray | None, place: int) -> np.ndarray | None:
    return None if values is None else values[place : place + 1]


def warm_up(model: ServedModel, sizes: Sequence[int] = (1, 2)) -> None:
    """Classifies black pictures, so that the first request does not pay for what is loaded late."""
    black = np.zeros(model.classifier.storage.shape, dtype=np.uint8)
    for size in sizes:
        model.classifier.classify([black] * size)
