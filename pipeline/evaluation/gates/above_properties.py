"""Is the challenger worse than the properties of the pictures alone?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.results import GateResult
from pipeline.evaluation.margin_text import BEYOND, describe_margin, is_significantly_worse


@final
@dataclass(frozen=True, kw_only=True)
class AboveProperties(Gate):
    """Refuses a challenger that is shown to do worse than a forest on brightness, file size and the like alone.

    A margin whose interval holds 0 passes: the forest is near 1 where a property gives the label away, and few test
    pictures leave wide intervals.

    Args:
        below: `refuse` a model that does worse, or `warn`, for data whose shortcut is known and remedied: a model that
            ignores it need not beat it.
    """

    question: ClassVar[str] = "Is it no worse than the properties of the pictures alone?"
    for_labels: ClassVar[bool | None] = True

    below: Literal["refuse", "warn"]

    def __call__(self, contest: Contest) -> GateResult:
        margin = contest.figures.get(BEYOND)
        sentence = describe_margin(margin)
        if margin is None or not sentence:
            return GateResult(outcome="cannot_be_judged", sentence="its margin over the properties was not measured")
        figures = {BEYOND: margin}
        if margin.interval is None:
            return GateResult(outcome="cannot_be_judged", sentence=sentence, figures=figures)
        if is_significantly_worse(margin) and self.below == "refuse":
            remedy = "where that shortcut is known and remedied, set gate.above_properties.below to warn"
            return GateResult(outcome="refused", sentence=f"{sentence}; {remedy}", figures=figures)
        return GateResult(outcome="passed", sentence=sentence, figures=figures)
