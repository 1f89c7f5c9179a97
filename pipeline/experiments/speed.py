"""Measures pictures per second of each predictor: all in one process and in turns, so that load affects all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

from pipeline.core.machine import name_processor

ROUNDS = 5
MIN_SECONDS = 0.2  # of one measurement; a faster predictor takes its pictures several times


def images_per_second(
    predictors: Mapping[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median of `ROUNDS` measurements of each, after one that does not count.

    A measurement is from packed uint8 arrays in memory to scores: transform, network and views, no decoding.

    Args:
        predictors: Name to `predict` and the (N, *spatial, C) uint8 pictures that it gets.
        clock: Seconds.
    """
    times: dict[str, list[float]] = {name: [] for name in predictors}
    repeats = dict.fromkeys(predictors, 1)
    for turn in range(ROUNDS + 1):
        for name, (predict, images) in predictors.items():
            started = clock()
            for _ in range(repeats[name]):
                predict(images)
            seconds = clock() - started
            if turn:
                times[name].append(repeats[name] * len(images) / seconds)
            else:
                repeats[name] = max(1, int(np.ceil(MIN_SECONDS / seconds)))
    return {name: statistics.median(rates) for name, rates in times.items()}


def machine() -> str:
    """What the measurement ran on: the processor or GPU and how many threads."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{name_processor()}, {torch.get_num_threads()} of {os.cpu_count()} threads"
