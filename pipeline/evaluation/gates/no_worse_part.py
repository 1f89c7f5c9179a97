"""Is the challenger shown to be worse on a class or a slice?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from annotated_types import Ge

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.ranges import Fraction, PositiveInt, Seed
from pipeline.core.results import GateResult
from pipeline.evaluation.gain import GONE
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.evaluation.part_comparison import compare_parts
from pipeline.statistics.bootstrap import Bootstrap

MAX_NAMED = 3


@final
@dataclass(frozen=True, kw_only=True)
class NoWorsePart(Gate):
    """Refuses a challenger that is shown to lose more than `tolerance` on a class (recall) or a slice (accuracy).

    The classes and slices are m comparisons, each at 1 - 0.05 / m, so that an equally good challenger is refused in at
    most 2.5 of 100 cases, however many there are.

    Args:
        min_slice: Smallest class or slice that is compared, in common test samples.
        tolerance: A loss whose interval is wholly beyond this refuses; 0.01 is one point.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.

    Source: Dunn 1961, Multiple comparisons among means, doi:10.1080/01621459.1961.10482090.
    """

    question: ClassVar[str] = "Is it worse on no class and on no slice?"
    for_labels: ClassVar[bool | None] = True

    min_slice: PositiveInt
    tolerance: Fraction
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __call__(self, contest: Contest) -> GateResult:
        if contest.champion is None:
            return GONE
        pairs = PairedPredictions.match(contest.challenger.predictions, contest.champion.predictions)
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        parts = [] if pairs is None else compare_parts(pairs, contest.attributes, bootstrap, self.min_slice)[1:]
        compared = [one for one in parts if one.gain.interval is not None]
        if not compared:
            few = f"no class or slice has {self.min_slice} common test pictures of at least 5 groups"
            return GateResult(outcome="cannot_be_judged", sentence=few)
        worse = sorted(
            (one for one in compared if one.gain.high is not None and one.gain.high < -self.tolerance),
            key=lambda one: one.gain.high or 0.0,
        )
        figures = {"compared": float(len(compared)), "worse": float(len(worse))}
        limit = f"by more than {100 * self.tolerance:g} points"
        if not worse:
            sentence = f"none of {len(compared)} classes and slices is shown to be worse {limit}"
            return GateResult(outcome="passed", sentence=sentence, figures=figures)
        named = [
            f"{one.kind} {one.name} {100 * (one.gain.value or 0.0):+z.1f} points "
            f"[{100 * (one.gain.low or 0.0):+z.1f}, {100 * (one.gain.high or 0.0):+z.1f}] on {one.gain.n:,} pictures"
            for one in worse[:MAX_NAMED]
        ]
        sentence = (
            f"{len(worse)} of {len(compared)} classes and slices are shown to be worse {limit}: {', '.join(named)}"
        )
        return GateResult(outcome="refused", sentence=sentence, figures=figures)
