"""Which classes does test hold too few of to say how well they are recognised?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Check
from pipeline.core.ranges import PositiveInt
from pipeline.core.results import Finding
from pipeline.statistics.bootstrap import wilson_sample_size
from pipeline.statistics.intraclass_correlation import effective_number, intraclass_correlation


@dataclass(frozen=True, kw_only=True)
class ClassSupport:
    """What test holds of a class.

    Attributes:
        name: Of the class.
        num_samples: With this label.
        num_groups: That have such samples.
        correlation: Of having the label within groups, over all splits.
        effective: Independent samples that they are worth.
    """

    name: str
    num_samples: int
    num_groups: int
    correlation: float
    effective: float


@final
@dataclass(frozen=True, kw_only=True)
class Evaluable(Check):
    """How many classes have too few samples in test for the wanted width of their recall's interval.

    Samples of one group resemble each other and are worth fewer independent ones: n / (1 + (m - 1) r), where m is the
    mean size of their groups and r the intraclass correlation of the label. Of fewer than `min_groups` groups no
    interval can be trusted, however many samples they hold.

    Args:
        half_width: Largest wanted half-width of the 95 % interval of a class's recall, above 0 and below 0.5.
        min_groups: Fewest groups in test that hold the class, at least 1.
        max_classes: Largest accepted number of classes that cannot be evaluated.

    Source: of the number of groups, Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414.
    """

    question: ClassVar[str] = "Which classes does test hold too few of to say how well they are recognised?"

    half_width: Annotated[float, Interval(gt=0, lt=0.5)]
    min_groups: PositiveInt
    max_classes: int
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        needed = wilson_sample_size(self.half_width)
        held = sorted(
            _class_support(samples[samples["split"] != "none"]), key=lambda one: (one.effective, one.num_groups)
        )
        short = [one for one in held if one.effective < needed or one.num_groups < self.min_groups]
        return Finding(
            value=float(len(short)),
            limit=float(self.max_classes),
            unit=f"classes with fewer than {needed} independent samples or {self.min_groups} groups in test",
            worst={one.name: _text(one) for one in short[:5]},
            advice="Collect more of these classes, from more groups, give test a larger share (split.fractions), or "
            "merge classes; until then little is known of how many of them are found.",
            sentence=self._sentence(short, len(held)),
            table=[
                {"class": one.name, "in_test": one.num_samples, "groups": one.num_groups}
                | {"correlation": round(one.correlation, 4), "independent": round(one.effective, 1), "needed": needed}
                for one in held
            ],
            obstacle="" if held else "No picture of a split has a label, so there is no class to evaluate; label some.",
        )

    def _sentence(self, short: list[ClassSupport], num_classes: int) -> str:
        what = f"to say within {100 * self.half_width:.0f} percent points how many of them are found"
        if not short:
            return f"Test holds enough independent pictures of each class, and enough groups, {what}."
        grouped = next((one for one in short if one.num_samples > one.num_groups), None)
        return (
            f"Test holds too few independent pictures of {len(short)} of {num_classes} classes, or of too few groups, "
            f"{what}."
        ) + (
            f" Pictures of one group resemble each other: {grouped.num_samples:,} of {grouped.name} from "
            f"{grouped.num_groups:,} {'group' if grouped.num_groups == 1 else 'groups'} are worth about "
            f"{grouped.effective:.0f}."
            if grouped
            else ""
        )


def _class_support(placed: pd.DataFrame) -> list[ClassSupport]:
    """What test holds of each class that occurs in any split."""
    groups = pd.factorize(placed["group"], use_na_sentinel=False)[0]
    pairs = placed["labels"].reset_index(drop=True).explode().dropna()
    codes, classes = pd.factorize(pairs, sort=True)
    in_test = (placed["split"] == "test").to_numpy()
    found = []
    for code, name in enumerate(classes):
        has = np.zeros(len(placed), dtype=bool)
        has[pairs.index[codes == code]] = True
        sizes = np.bincount(groups[has & in_test])
        correlation = intraclass_correlation(has, groups)
        found.append(
            ClassSupport(
                name=str(name),
                num_samples=int(sizes.sum()),
                num_groups=int((sizes > 0).sum()),
                correlation=correlation,
                effective=effective_number(sizes, correlation),
            )
        )
    return found


def _text(one: ClassSupport) -> str:
    return f"{one.num_samples} in test of {one.num_groups} groups, worth {one.effective:.1f}"
