"""Is the challenger shown to be hardly worse, where it knows more of today's pictures?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, final

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.manifest_schema import ATTRIBUTE
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import GateResult
from pipeline.evaluation.gain import GONE, measure_gain
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.evaluation.part_comparison import compare_parts
from pipeline.statistics.bootstrap import Bootstrap

NEW = f"{ATTRIBUTE}new_to_champion"  # the slice of the test samples that came after the champion


@final
@dataclass(frozen=True, kw_only=True)
class NotInferior(Gate):
    """Passes a challenger that is shown to be at most `margin` worse, where it has a reason that no gain shows.

    The reason is newer data (other data than the champion's, with at least `min_new` pictures of val and test that the
    champion has never been evaluated on), or a slice that the champion fails and the challenger passes: one on which
    the challenger is shown to be better, at 95 % for all slices together. The pictures that are new to the champion are
    one of these slices.

    Args:
        metric: As for `superior`.
        margin: The lower end of the interval of the gain must be above minus this.
        min_new: Pictures of val and test that are new to the champion.
        min_slice: Smallest slice that is looked at.
        min_samples: Common test samples below which there is no verdict.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.

    Source: Piaggio et al. 2012, Reporting of noninferiority and equivalence randomized trials,
        doi:10.1001/jama.2012.87802.
    """

    question: ClassVar[str] = "Is it shown to be hardly worse, and does it know pictures that the champion does not?"
    is_proof: ClassVar[bool] = True
    for_labels: ClassVar[bool | None] = True

    metric: str
    margin: Annotated[float, Interval(gt=0, le=1)]
    min_new: PositiveInt
    min_slice: PositiveInt
    min_samples: PositiveInt
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __call__(self, contest: Contest) -> GateResult:
        if contest.champion is None:
            return GONE
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        reason = self._newer_data(contest) or self._better_slice(contest, bootstrap)
        if not reason:
            missing = "it has seen no newer data than the champion, and passes no slice that the champion fails"
            return GateResult(outcome="not_needed", sentence=missing)
        gain = measure_gain(contest, self.metric, self.min_samples, bootstrap)
        if isinstance(gain, GateResult):
            return gain
        found = gain.result(-self.margin)
        return replace(found, sentence=f"{found.sentence}; {reason}")

    def _newer_data(self, contest: Contest) -> str:
        champion = contest.champion
        is_other = champion is not None and champion.data_hash not in ("", contest.challenger.data_hash)
        if not is_other or contest.num_new < self.min_new:
            return ""
        return f"it has seen newer data: {contest.num_new:,} pictures of val and test are new to the champion"

    def _better_slice(self, contest: Contest, bootstrap: Bootstrap) -> str:
        champion = contest.champion
        pairs = (
            None if champion is None else PairedPredictions.match(contest.challenger.predictions, champion.predictions)
        )
        if pairs is None:
            return ""
        attributes = contest.attributes
        if contest.new_samples:
            is_new = attributes["sample_id"].isin(contest.new_samples)
            attributes = attributes.assign(**{NEW: np.where(is_new, "yes", "no")})
        parts = compare_parts(pairs, attributes, bootstrap, self.min_slice)[1:]
        better = [one for one in parts if one.is_shown and (one.gain.value or 0.0) > 0]
        if not better:
            return ""
        best = max(better, key=lambda one: one.gain.low or 0.0)
        low, high = (100 * end for end in best.gain.interval or (0.0, 0.0))
        return (
            f"it passes a slice that the champion fails: {best.kind} {best.name}, "
            f"{100 * (best.gain.value or 0.0):+z.1f} points [{low:+z.1f}, {high:+z.1f}] on {best.gain.n:,} pictures"
        )
