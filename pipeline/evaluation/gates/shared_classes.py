"""Is the challenger shown to be hardly worse on the classes that both know, where classes were added or removed?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, final

from annotated_types import Ge, Interval

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import GateResult
from pipeline.evaluation.gain import GONE, describe_classes, measure_gain
from pipeline.statistics.bootstrap import Bootstrap


@final
@dataclass(frozen=True, kw_only=True)
class SharedClasses(Gate):
    """Passes where classes were added, removed or renamed, and the others are shown to be at most `margin` worse.

    A class more is a gain that no common sample shows, so it is enough not to be much worse on the classes of both.

    Args:
        metric: As for `superior`; it is that of the classes of both.
        margin: The lower end of the interval of the gain must be above minus this.
        min_samples: Common test samples below which there is no verdict.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.
    """

    question: ClassVar[str] = "Where classes changed: is it shown to be hardly worse on the classes of both?"
    is_proof: ClassVar[bool] = True
    for_labels: ClassVar[bool | None] = True

    metric: str
    margin: Annotated[float, Interval(ge=0, le=1)]
    min_samples: PositiveInt
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __call__(self, contest: Contest) -> GateResult:
        if contest.champion is None:
            return GONE
        changed = describe_classes(contest.challenger.predictions.classes, contest.champion.predictions.classes)
        if not changed:
            return GateResult(outcome="not_needed", sentence="both have the same classes")
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        gain = measure_gain(contest, self.metric, self.min_samples, bootstrap)
        if isinstance(gain, GateResult):
            return gain
        found = gain.result(-self.margin)
        how = f"{changed}; compared on the {len(gain.pairs.later.classes)} classes of both"
        return replace(found, sentence=f"{found.sentence}; {how}")
