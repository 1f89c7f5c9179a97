"""Which classes does test hold too few of to say how well they are recognised?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.intervals import samples_needed
from pipeline.core.outcomes import Finding


@final
@dataclass(frozen=True, kw_only=True)
class Evaluable(Check):
    """How many classes have too few samples in test for the wanted width of their recall's interval.

    `evaluate` gives no figure per class for these (conf/evaluate/ reads the same half-width). Samples are counted as
    if they were independent: where few groups hold them, the true interval is wider, so the groups are listed too.

    Args:
        half_width: Largest wanted half-width of the 95 % interval of a class's recall, above 0 and below 0.5.
        max_classes: Largest accepted number of classes that cannot be evaluated.
    """

    half_width: float
    max_classes: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        samples_needed(self.half_width)

    def __call__(self, samples: pd.DataFrame) -> Finding:
        needed = samples_needed(self.half_width)
        placed = samples.loc[samples["split"] != "none", ["split", "labels", "group"]].explode("labels")
        classes = sorted(placed["labels"].dropna().unique())
        test = placed[placed["split"] == "test"]
        sizes = test.groupby("labels").size().reindex(classes, fill_value=0)
        groups = test.groupby("labels")["group"].nunique().reindex(classes, fill_value=0)
        short = sizes[sizes < needed].sort_values(kind="stable")
        return Finding(
            value=float(len(short)),
            limit=float(self.max_classes),
            unit=f"classes with fewer than {needed} samples in test",
            worst={str(name): f"{size} in test, {needed - size} more needed" for name, size in short.head(5).items()},
            advice="Collect that many more of these classes, give test a larger share (split.fractions), or merge "
            "classes; until then their figures are left out.",
            sentence=(
                f"Test holds too few pictures of {len(short)} of {len(classes)} classes to say within "
                f"{100 * self.half_width:.0f} percent points how many of them are found; they are not evaluable."
                if len(short)
                else f"Test holds enough pictures of each class to say within {100 * self.half_width:.0f} percent "
                "points how many of them are found."
            ),
            table=[
                {"class": name, "in_test": int(sizes[name]), "groups": int(groups[name]), "needed": needed}
                for name in sizes.sort_values(kind="stable").index
            ],
        )
