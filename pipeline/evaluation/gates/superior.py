"""Is the challenger shown to be better than the champion?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, final

from annotated_types import Ge, Interval

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import GateResult
from pipeline.evaluation.gain import describe_power, measure_gain
from pipeline.statistics.bootstrap import Bootstrap


@final
@dataclass(frozen=True, kw_only=True)
class Superior(Gate):
    """Passes where the gain on the common test samples is significantly above `min_gain`; it promotes by itself.

    The lower end of the paired 95 % interval over groups decides, not the gain: with two equal models a gain above 0
    would promote the later one in almost half of all cases. Both are evaluated by the challenger's labels, which
    include corrections since the champion. The sentence says how often a comparison of this size shows a true gain of
    `power_for`, so that a refusal is not read as "no better".

    Args:
        metric: Name of a figure that `metric` gives, such as `f1_macro`, or `recall/CLASS` of one class; where smaller
            is better, a gain is how much smaller it became.
        min_gain: The lower end of the interval must be above this.
        min_samples: Common test samples below which there is no verdict.
        power_for: The true gain for which the power is said.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.
    """

    question: ClassVar[str] = "Is it shown to be better than the champion?"
    is_proof: ClassVar[bool] = True
    for_labels: ClassVar[bool | None] = True

    metric: str
    min_gain: Annotated[float, Interval(ge=0, le=1)]
    min_samples: PositiveInt
    power_for: Annotated[float, Interval(gt=0, le=1)]
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __call__(self, contest: Contest) -> GateResult:
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        gain = measure_gain(contest, self.metric, self.min_samples, bootstrap)
        if isinstance(gain, GateResult):
            return gain
        found = gain.result(self.min_gain)
        power, words = describe_power(gain.change.gain, gain.pairs, self.power_for, self.min_gain)
        sentence = f"{found.sentence}; {words}" if words else found.sentence
        return replace(found, sentence=sentence, figures={**found.figures, "power": power})
