"""Are the clusters of the challenger those of the champion?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import numpy as np
from annotated_types import Ge, Interval

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import GateResult
from pipeline.evaluation.gain import GONE
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.evaluation.share_estimates import estimate_share
from pipeline.statistics.bootstrap import Bootstrap


@final
@dataclass(frozen=True, kw_only=True)
class SameClusters(Gate):
    """Passes where nearly all common test pictures are shown to be in the cluster of the same name; it promotes.

    Clusters have no right answer by which one model is better. A later model replaces the one in use where what people
    and programs know as a cluster stays what it is; other clusters are for a person to promote.

    Args:
        min_agreement: The lower end of the 95 % interval of the share that stays must be above this.
        min_samples: Common test samples below which there is no verdict.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.
    """

    question: ClassVar[str] = "Are its clusters shown to be those of the champion?"
    is_proof: ClassVar[bool] = True
    for_labels: ClassVar[bool | None] = False

    min_agreement: Annotated[float, Interval(gt=0, lt=1)]
    min_samples: PositiveInt
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __call__(self, contest: Contest) -> GateResult:
        if contest.champion is None:
            return GONE
        ours, theirs = contest.challenger.predictions, contest.champion.predictions
        if ours.classes != theirs.classes:
            sentence = f"it has {len(ours.classes)} clusters, and the champion {len(theirs.classes)}"
            if not set(ours.classes) & set(theirs.classes):
                sentence = "the champion is a classifier, which has no clusters to compare with"
            return GateResult(outcome="refused", sentence=sentence)
        pairs = PairedPredictions.match(ours, theirs)
        if pairs is None or len(pairs) < self.min_samples:
            number = 0 if pairs is None else len(pairs)
            sentence = f"{number} test pictures are common to both, fewer than {self.min_samples}"
            return GateResult(outcome="cannot_be_judged", sentence=sentence)
        stays = (pairs.later.decided == pairs.earlier.decided).all(axis=1)
        bootstrap = Bootstrap(num_resamples=self.num_resamples, seed=self.seed)
        share = estimate_share(stays, np.ones((len(pairs), 1), dtype=bool), pairs.later.groups, bootstrap)
        if share.value is None or share.interval is None:
            sentence = f"whether its clusters are those of the champion cannot be judged: {share.caveat}"
            return GateResult(outcome="cannot_be_judged", sentence=sentence, figures={"share": share})
        low, high = share.interval
        is_same = low > self.min_agreement
        sentence = (
            f"{100 * share.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {len(pairs)} test pictures are in the "
            f"cluster of the same name as by the champion: {'' if is_same else 'not '}shown to be above "
            f"{100 * self.min_agreement:g} %"
        )
        return GateResult(outcome="passed" if is_same else "refused", sentence=sentence, figures={"share": share})
