"""Do two halves of the pictures find the same clusters?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from annotated_types import Interval

from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.results import GateResult

STABILITY = "stability"  # the figure of reports/test_metrics.json


@final
@dataclass(frozen=True, kw_only=True)
class StableClusters(Gate):
    """Refuses clusters on which models of two halves of train do not agree, and those of which nobody measured it.

    Args:
        min_agreement: Least mean adjusted Rand index over the halvings; 1 is the same clusters, 0 chance.

    Source: Lange, Roth, Braun and Buhmann 2004, doi:10.1162/089976604773717621.
    """

    question: ClassVar[str] = "Do two halves of the pictures find the same clusters?"
    is_essential: ClassVar[bool] = True
    for_labels: ClassVar[bool | None] = False

    min_agreement: Annotated[float, Interval(gt=0, le=1)]

    def __call__(self, contest: Contest) -> GateResult:
        found = contest.figures.get(STABILITY)
        if found is None or found.value is None:
            sentence = (
                "how stable its clusters are was not measured: clusters.num_repeats is 0, or half of train has too few "
                "different pictures or groups for so many clusters; set 5 repeats, or a smaller clusters.num_clusters"
            )
            return GateResult(outcome="cannot_be_judged", sentence=sentence)
        sentence = f"halves of the pictures agree on its clusters with an adjusted Rand index of {found.value:.3f}"
        if found.value < self.min_agreement:
            sentence = f"{sentence}, below {self.min_agreement}"
            return GateResult(outcome="refused", sentence=sentence, figures={"stability": found})
        return GateResult(outcome="passed", sentence=sentence, figures={"stability": found})
