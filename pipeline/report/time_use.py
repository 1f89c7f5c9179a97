"""The section on time: what shuffled frames, reversed clips, a single frame and a still picture leave of accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.core.estimate import Estimate
from pipeline.evaluation.time_use_text import (
    REVERSED,
    SHUFFLED,
    SINGLE,
    STATIC,
    STATIC_MARGIN,
    Verdict,
    describe_time_use,
    judge_time_use,
)
from pipeline.report.formatting import Figure, figure


@dataclass(frozen=True, kw_only=True)
class TimeUse:
    """What the section shows.

    Attributes:
        verdict: In words.
        sentence: The verdict and its reasons.
        has_time: Whether the samples are clips; else volumes, whose slices have an order and no time.
        losses: What changed samples cost, in points.
        still: Balanced accuracy of the middle frame alone, and how far the model is above it.
        caveat: Of the intervals.
    """

    verdict: Verdict
    sentence: str
    has_time: bool
    losses: list[Figure]
    still: list[Figure]
    caveat: str


def time_use(metrics: Mapping[str, Estimate]) -> TimeUse | None:
    """The section, or None where samples are pictures.

    Args:
        metrics: `reports/test_metrics.json`.
    """
    verdict = judge_time_use(metrics)
    if verdict is None:
        return None
    has_time = REVERSED in metrics  # only clips are reversed
    return TimeUse(
        verdict=verdict,
        sentence=describe_time_use(metrics, has_time),
        has_time=has_time,
        losses=[figure(name, metrics[name]) for name in (SHUFFLED, REVERSED, SINGLE) if name in metrics],
        still=[figure(name, metrics[name]) for name in (STATIC, STATIC_MARGIN) if name in metrics],
        caveat=metrics[SHUFFLED].caveat,
    )
