"""How many equally large classes would be as balanced as these?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import pandas as pd
from annotated_types import Ge

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.ranges import Count
from pipeline.core.results import Finding
from pipeline.datasets.class_balance import balance_table, conditions


@final
@dataclass(frozen=True, kw_only=True)
class EffectiveClasses(Check):
    """The number of classes over their effective number, the largest of all splits and all attribute values.

    The effective number is the exponential of the entropy of the class shares: K for K classes of one size, near 1
    where nearly every sample is of one class. Splits and attribute values without any label are skipped.

    Args:
        max_ratio: Largest accepted ratio, at least 1.
        max_attribute_values: Attributes with more values are skipped; 0 skips all.
        min_samples: Attribute values with fewer samples are skipped.

    Source: the Hill number of order 1, Hill 1973, doi:10.2307/1934352.
    """

    question: ClassVar[str] = "How many equally large classes would be as balanced as these?"

    max_ratio: Annotated[float, Ge(1)]
    max_attribute_values: Count
    min_samples: Count
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        in_splits = samples[samples["split"].isin(SPLITS)]
        num_classes = in_splits["labels"].explode().nunique()
        rows = balance_table(in_splits, conditions(in_splits, self.max_attribute_values), self.min_samples)
        rows.sort(key=lambda row: row["effective_classes"])
        effective = rows[0]["effective_classes"] if rows else 1.0
        ratio = max(1.0, num_classes / effective)
        return Finding(
            value=ratio,
            limit=self.max_ratio,
            unit="classes / effective number of classes",
            worst={row["part"]: f"{row['effective_classes']:.2f} of {num_classes} in effect" for row in rows[:5]},
            advice="Collect more of the rare classes there; or train with extra copies of them "
            "(augment.min_class_share), or with a weighted loss (imbalance=weighted).",
            sentence=f"The {num_classes} classes are as balanced as {effective:.1f} classes of equal size"
            + (f" in {rows[0]['part']}." if rows else "."),
            table=rows,
            obstacle=""
            if num_classes > 1
            else "The splits hold fewer than two classes, so no balance can be measured; label other classes.",
        )
