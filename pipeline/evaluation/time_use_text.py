"""Whether a model uses time, or the order of slices, in words; this module imports no numeric library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pipeline.core.estimate import Estimate

SHUFFLED, REVERSED, SINGLE = "shuffled_margin", "reversed_margin", "single_margin"  # in the metrics of test
STATIC, STATIC_MARGIN = "static_baseline", "static_margin"
WIDENING = 1.25  # of an interval with a caveat: few or uneven groups make it rather too narrow
MIN_LOSS = 0.05  # of balanced accuracy: a model that loses less than this does not use the order
Verdict = Literal["uses time", "does not use time", "cannot be judged"]


def judge_time_use(figures: Mapping[str, Estimate]) -> Verdict | None:
    """The verdict on the losses of shuffled and of reversed samples; None where they were not measured.

    It uses time where the whole interval of either loss is above 0: of models that use no order 2.5 % have such an
    interval of each. One with a caveat is taken a quarter wider. It does not where all of both lies below 5 points and
    neither interval has a caveat: what few groups do not show may be there in others.
    """
    losses = [figures[name] for name in (SHUFFLED, REVERSED) if name in figures]
    if not losses:
        return None
    if any(_is_shown(one) for one in losses):
        return "uses time"
    return "does not use time" if all(_is_slight(one) for one in losses) else "cannot be judged"


def describe_time_use(figures: Mapping[str, Estimate], has_time: bool) -> str:
    """The verdict and its reasons, as sentences; empty where nothing was measured.

    Args:
        figures: Of test.
        has_time: Whether the samples are clips; else volumes, whose slices have an order and no time.
    """
    verdict = judge_time_use(figures)
    if verdict is None:
        return ""
    what = "frames" if has_time else "slices"
    shuffled, backwards = figures[SHUFFLED], figures.get(REVERSED)
    loss = f"{_points(shuffled)} with the {what} of each sample shuffled"
    if backwards is not None:
        loss += f", and {_points(backwards)} with the clips reversed"
    if verdict == "uses time":
        first = (
            f"The model uses {'time' if has_time else f'the order of {what}'}: its balanced accuracy falls by {loss}."
        )
    elif verdict == "does not use time":
        first = (
            f"The model does not use {'time' if has_time else f'the order of {what}'}: its balanced accuracy falls by "
            f"{loss}, in any case by less than {100 * MIN_LOSS:g} points."
        )
    else:
        few = shuffled.caveat or (backwards.caveat if backwards else "") or "test has too few samples to tell"
        first = (
            f"Whether the model uses {'time' if has_time else f'the order of {what}'} cannot be judged: its balanced "
            f"accuracy falls by {loss}; {few}."
        )
    return first + _describe_single(figures.get(SINGLE), what[:-1])


def _describe_single(margin: Estimate | None, what: str) -> str:
    if margin is None or margin.low is None:
        return ""
    if _is_shown(margin):
        return f" It needs more than one {what}: the best single one costs {_points(margin)}."
    if _is_slight(margin):
        return f" A single {what}, repeated, does as well."
    return f" Whether a single {what} does as well cannot be judged."


def _is_shown(loss: Estimate) -> bool:
    if loss.value is None or loss.low is None:
        return False
    return loss.value - (WIDENING if loss.caveat else 1.0) * (loss.value - loss.low) > 0


def _is_slight(loss: Estimate) -> bool:
    """Whether it is below 5 points; of few or uneven groups nobody can tell, since a loss may lie in those not seen."""
    return not loss.caveat and loss.high is not None and loss.high < MIN_LOSS


def _points(loss: Estimate) -> str:
    """12.3 points (between 8.0 and 16.1)."""
    if loss.value is None:
        return "an undefined number of points"
    text = f"{100 * loss.value:.1f} points"
    if loss.interval is None:
        return text
    return f"{text} (between {100 * loss.interval[0]:.1f} and {100 * loss.interval[1]:.1f})"
