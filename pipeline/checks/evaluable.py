"""Which classes have too few test samples for an estimate of their recall?"""

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
    """How much evidence the test split has about a class.

    Attributes:
        name: Name of the class.
        num_samples: Test samples of the class.
        num_groups: Test groups with at least one such sample.
        correlation: Intraclass correlation of the label within groups, over all splits, 0 to 1.
        effective: Number of independent samples that the test samples are worth.
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
    mean size of their groups and r the intraclass correlation of the label. With fewer than `min_groups` groups no
    interval can be trusted, whatever the number of samples.

    Args:
        half_width: Largest wanted half-width of the 95 % interval of a class's recall, above 0 and below 0.5.
        min_groups: Fewest groups of test that have the class, at least 1.
        max_classes: Largest accepted number of classes that cannot be evaluated.

    Source: for the number of groups, Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414.
    """

    question: ClassVar[str] = "Which classes have too few test samples for an estimate of their recall?"

    half_width: Annotated[float, Interval(gt=0, lt=0.5)]
    min_groups: PositiveInt
    max_classes: int
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        needed = wilson_sample_size(self.half_width)
        supports = sorted(
            _class_support(samples[samples["split"] != "none"]), key=lambda one: (one.effective, one.num_groups)
        )
        short = [one for one in supports if one.effective < needed or one.num_groups < self.min_groups]
        return Finding(
            value=float(len(short)),
            limit=float(self.max_classes),
            unit=f"classes with fewer than {needed} independent samples or {self.min_groups} groups in test",
            worst={one.name: _text(one) for one in short[:5]},
            advice="Collect more pictures of these classes, from more groups; or give test a larger share "
            "(split.fractions), or merge classes. Until then their recall is hardly known.",
            sentence=self._sentence(short, len(supports)),
            table=[
                {"class": one.name, "in_test": one.num_samples, "groups": one.num_groups}
                | {"correlation": round(one.correlation, 4), "independent": round(one.effective, 1), "needed": needed}
                for one in supports
            ],
            obstacle=""
            if supports
            else "No picture of a split has a label, so there is no class to evaluate; label some pictures.",
        )

    def _sentence(self, short: list[ClassSupport], num_classes: int) -> str:
        precision = f"to within {100 * self.half_width:.0f} percentage points"
        if not short:
            return f"Test has enough independent pictures and groups to estimate the recall of every class {precision}."
        grouped = next((one for one in short if one.num_samples > one.num_groups), None)
        return (
            f"For {len(short)} of {num_classes} classes, test has too few independent pictures or too few groups to "
            f"estimate the recall {precision}."
        ) + (
            f" Pictures of one group resemble each other: the {grouped.num_samples:,} pictures of {grouped.name} from "
            f"{grouped.num_groups:,} group{'s' * (grouped.num_groups != 1)} are worth about {grouped.effective:.0f} "
            "independent ones."
            if grouped
            else ""
        )


def _class_support(samples: pd.DataFrame) -> list[ClassSupport]:
    """The support in test of each class that occurs in any split; `samples` are those of the splits."""
    groups = pd.factorize(samples["group"], use_na_sentinel=False)[0]
    pairs = samples["labels"].reset_index(drop=True).explode().dropna()
    codes, classes = pd.factorize(pairs, sort=True)
    in_test = (samples["split"] == "test").to_numpy()
    supports = []
    for code, name in enumerate(classes):
        has = np.zeros(len(samples), dtype=bool)
        has[pairs.index[codes == code]] = True
        sizes = np.bincount(groups[has & in_test])
        correlation = intraclass_correlation(has, groups)
        supports.append(
            ClassSupport(
                name=str(name),
                num_samples=int(sizes.sum()),
                num_groups=int((sizes > 0).sum()),
                correlation=correlation,
                effective=effective_number(sizes, correlation),
            )
        )
    return supports


def _text(one: ClassSupport) -> str:
    groups = f"{one.num_groups} group{'s' * (one.num_groups != 1)}"
    return f"{one.num_samples} in test from {groups}, worth {one.effective:.1f} independent"
