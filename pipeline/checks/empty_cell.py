"""Which class has too few pictures under which condition?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS, short_name
from pipeline.core.ranges import Count, PositiveInt
from pipeline.core.results import Finding
from pipeline.datasets.class_balance import conditions

MAX_NAMED = 3


@final
@dataclass(frozen=True, kw_only=True)
class EmptyCell(Check):
    """Cells of the table class x attribute value that hold fewer than `min_samples` samples, over all splits.

    A network that never saw a class under a condition can use the condition as the class, and no sampling replaces
    missing pictures. Without an attribute that varies there is nothing to count, and the check passes.

    Args:
        min_samples: Fewest samples of a cell, at least 1.
        max_attribute_values: Attributes with more values are skipped.
        max_cells: Largest accepted number of such cells.
    """

    question: ClassVar[str] = "Which class has too few pictures under which condition?"

    min_samples: PositiveInt
    max_attribute_values: Count
    max_cells: Count
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        columns = conditions(samples, self.max_attribute_values)
        too_many = [] if columns else [short_name(name) for name in conditions(samples, len(samples))]
        in_splits = samples.loc[samples["split"].isin(SPLITS), ["labels", *columns]].explode("labels")
        tables = {column: pd.crosstab(in_splits["labels"], in_splits[column]).stack() for column in columns}
        rows: list[dict[str, Any]] = [
            {"class": str(label), "attribute": short_name(column), "value": str(value), "samples": int(size)}
            for column, sizes in tables.items()
            for (label, value), size in sizes.items()
            if size < self.min_samples
        ]
        rows.sort(key=lambda row: row["samples"])
        return Finding(
            value=float(len(rows)),
            limit=float(self.max_cells),
            unit=f"cells of class x attribute with fewer than {self.min_samples} samples",
            worst={f"{row['class']} with {row['attribute']} {row['value']}": row["samples"] for row in rows[:5]},
            advice="Collect pictures of these cells first: without them a network can use the condition as the class.",
            sentence=(
                f"{len(rows):,} combination{'s' * (len(rows) != 1)} of a class and a condition have fewer than "
                f"{self.min_samples} pictures."
                if rows
                else f"Every class has at least {self.min_samples} pictures under every condition."
                if columns
                else "The source gives no condition (an attribute with two or more values) that a class could lack."
            ),
            table=rows,
            obstacle=f"All attributes ({', '.join(too_many[:MAX_NAMED])}) have more than {self.max_attribute_values} "
            "values, too many for a table with classes; raise check.empty_cell.max_attribute_values, or give a coarser "
            "attribute, such as a site or a camera."
            if too_many
            else "",
        )
