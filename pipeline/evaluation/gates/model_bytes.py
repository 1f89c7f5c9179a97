"""Are the files of the challenger small enough?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from annotated_types import Ge

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.ranges import PositiveFloat
from pipeline.core.results import GateResult

MEGABYTE = 1e6


@final
@dataclass(frozen=True, kw_only=True)
class ModelBytes(Gate):
    """Refuses a challenger whose files are larger than a budget, or many times those of the champion.

    Args:
        max_megabytes: Of card and weights, without the `network.onnx` of `register.runtime=onnx`; null: no budget.
        max_growth: Largest ratio to the champion's files; null: no limit.
    """

    question: ClassVar[str] = "Are its files small enough?"

    max_megabytes: PositiveFloat | None
    max_growth: Annotated[float, Ge(1)] | None

    def __call__(self, contest: Contest) -> GateResult:
        size = contest.challenger.num_bytes
        before = None if contest.champion is None else contest.champion.num_bytes
        if self.max_megabytes is None and (self.max_growth is None or contest.champion is None):
            return GateResult(outcome="not_needed", sentence="there is no budget for the files of the model")
        if size is None or (self.max_megabytes is None and before is None):
            whose = "its files" if size is None else "the champion's files"
            return GateResult(outcome="cannot_be_judged", sentence=f"{whose} are gone, so their bytes are not known")
        figures = {"megabytes": size / MEGABYTE, "champion_megabytes": None if before is None else before / MEGABYTE}
        text = f"its files have {size / MEGABYTE:.1f} MB"
        if self.max_megabytes is not None and size > self.max_megabytes * MEGABYTE:
            return GateResult(outcome="refused", sentence=f"{text}, above {self.max_megabytes:g}", figures=figures)
        if self.max_growth is not None and before and size > self.max_growth * before:
            sentence = f"{text}, more than {self.max_growth:g} times the champion's {before / MEGABYTE:.1f} MB"
            return GateResult(outcome="refused", sentence=sentence, figures=figures)
        if self.max_growth is not None and contest.champion is not None and before is None:
            sentence = f"{text}; the champion's are not known, so neither is the growth"
            return GateResult(outcome="cannot_be_judged", sentence=sentence, figures=figures)
        return GateResult(outcome="passed", sentence=f"{text}, within the budget", figures=figures)
