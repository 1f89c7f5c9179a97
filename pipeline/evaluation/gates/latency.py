"""Is the challenger fast enough?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.ranges import PositiveFloat
from pipeline.core.results import GateResult


@final
@dataclass(frozen=True, kw_only=True)
class Latency(Gate):
    """Refuses a challenger that takes longer than a budget for a picture, on the machine that registers it.

    Measured are packed pictures in memory to scores, the median of several batches of 32; only where there is a budget.
    The milliseconds are no part of the sentence, so that the same results give the same reports: the version's tag
    `milliseconds_per_picture` has them.

    Args:
        max_milliseconds: For a picture, by torch, also where `register.runtime` is `onnx`; null: no budget.
    """

    question: ClassVar[str] = "Is it fast enough?"

    max_milliseconds: PositiveFloat | None

    def __call__(self, contest: Contest) -> GateResult:
        if self.max_milliseconds is None:
            return GateResult(outcome="not_needed", sentence="there is no budget for the time of a picture")
        measured = contest.challenger.milliseconds
        if measured is None:
            return GateResult(outcome="cannot_be_judged", sentence="the time of a picture was not measured")
        is_within = measured <= self.max_milliseconds
        sentence = f"a picture takes {'at most' if is_within else 'more than'} the {self.max_milliseconds:g} ms allowed"
        figures = {"max_milliseconds": self.max_milliseconds}
        return GateResult(outcome="passed" if is_within else "refused", sentence=sentence, figures=figures)
