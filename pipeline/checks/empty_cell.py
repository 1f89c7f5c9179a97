"""Which class was never seen under which condition?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import short_name
from pipeline.core.ranges import PositiveInt
from pipeline.core.results import Finding
from pipeline.datasets.class_balance import conditions

MAX_NAMED = 3


@final
@dataclass(frozen=True, kw_only=True)
class EmptyCell(Check):
    """Cells of the table class x told attribute that hold fewer than `min_samples` samples, over all splits.

    A network that never saw a class under a condition can take the condition for the class; no sampling mends what
    is not there. Where the source tells no condition there is nothing to look at, and the check passes.

    Args:
        min_samples: Fewest samples of a cell, at least 1.
        max_attribute_values: Told attributes with more values are passed over.
        max_cells: Largest accepted number of such cells.
    """

    question: ClassVar[str] = "Which class was never seen under which condition?"

    min_samples: PositiveInt
    max_attribute_values: int
    max_cells: int
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        told = conditions(samples, self.max_attribute_values)
        too_many = [] if told else [short_name(name) for name in conditions(samples, len(samples))]
        placed = samples.loc[samples["split"] != "none", ["labels", *told]].explode("labels")
        tables = {column: pd.crosstab(placed["labels"], placed[column]).stack() for column in told}
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
            advice="Collect pictures of these cells first: they are what keeps the condition from standing for the "
            "class.",
            sentence=(
                f"{len(rows):,} combinations of a class and a condition were hardly ever photographed."
                if rows
                else "Every class was photographed under every told condition."
                if told
                else "The source tells no condition (an attribute of two values or more) that a class could lack."
            ),
            table=rows,
            obstacle=f"The attributes {', '.join(too_many[:MAX_NAMED])} have more than {self.max_attribute_values} "
            "values each, too many for a table with classes; raise check.empty_cell.max_attribute_values, or tell a "
            "coarser one, as a site or a camera."
            if too_many
            else "",
        )
