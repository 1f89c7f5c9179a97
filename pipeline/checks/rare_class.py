"""Which classes have too few pictures, to train a model or to measure it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import pandas as pd
from annotated_types import Interval

from pipeline.checks.class_support import ClassSupport, class_supports
from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.ranges import PositiveInt
from pipeline.core.results import Finding
from pipeline.core.terminal import count_of
from pipeline.statistics.bootstrap import wilson_sample_size

TRAIN, VAL, TEST = SPLITS
NUM_NAMED = 5  # pairs of a class and a split


@final
@dataclass(frozen=True, kw_only=True)
class RareClass(Check):
    """How many pairs of a class and a split hold too few samples; `missing_class` counts the empty ones.

    Train and val need `min_samples` of each class. Test needs as many independent samples as an interval of
    `half_width` takes, from `min_groups` groups, since with fewer no interval can be trusted. Few samples in train are
    a warning: a model learns little of the class. Few in val or test are noted (with `on_fail: warn`): the intervals of
    the metrics say it.

    Args:
        min_samples: Fewest samples of a class in train and val, at least 1.
        half_width: Largest wanted half-width of the 95 % interval of a class's recall, above 0 and below 0.5.
        min_groups: Fewest groups of test that have the class, at least 1.

    Source: for the number of groups, Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414.
    """

    question: ClassVar[str] = "Which classes have too few pictures, to train a model or to measure it?"

    min_samples: PositiveInt
    half_width: Annotated[float, Interval(gt=0, lt=0.5)]
    min_groups: PositiveInt
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        needed = wilson_sample_size(self.half_width)
        supports = class_supports(samples[samples["split"].isin(SPLITS)])
        rare = {split: self._rare(supports, split) for split in ("train", "val")}
        rare["test"] = [
            one
            for one in sorted(supports, key=lambda one: (one.effective, one.num_groups))
            if one.num_groups and (one.effective < needed or one.num_groups < self.min_groups)
        ]
        pairs = [(one, split) for split in (TRAIN, TEST, VAL) for one in rare[split]]
        return Finding(
            value=float(len(pairs)),
            limit=0.0,
            unit="pairs of a class and a split with too few pictures",
            worst={f"{one.name} in {split}": _text(one, split) for one, split in pairs[:NUM_NAMED]},
            advice="Collect more pictures of these classes, from more groups, or merge classes.",
            sentence=self._sentence(rare, len(supports)),
            table=[
                {"class": one.name, **one.num_samples, "groups_in_test": one.num_groups}
                | {"correlation": round(one.correlation, 4), "independent": round(one.effective, 1), "needed": needed}
                for one in sorted(supports, key=lambda one: (one.num_samples["train"], one.effective))
            ],
            note=""
            if rare["train"] or self.on_fail == "error"
            else "Nothing has to be done: the intervals of the metrics say how little is known.",
            obstacle=""
            if supports
            else "No picture of a split has a label, so no class can be rare; label some pictures.",
        )

    def _rare(self, supports: list[ClassSupport], split: str) -> list[ClassSupport]:
        return sorted(
            (one for one in supports if 0 < one.num_samples[split] < self.min_samples),
            key=lambda one: one.num_samples[split],
        )

    def _sentence(self, rare: dict[str, list[ClassSupport]], num_classes: int) -> str:
        few = " and ".join(f"{len(rare[split])} in {split}" for split in ("train", "val") if rare[split])
        clauses = [f"{few} have fewer than {self.min_samples} pictures"] if few else []
        if rare["test"]:
            clauses.append(
                f"{len(rare['test'])} have too few independent test pictures to know the recall to within "
                f"{100 * self.half_width:.0f} percentage points"
            )
        parts = [f"Of {count_of(num_classes, 'class', 'classes')}, {'; '.join(clauses)}."] if clauses else []
        grouped = next((one for one in rare["test"] if one.num_samples["test"] > one.num_groups), None)
        if grouped:
            parts.append(
                f"Pictures of one group resemble each other: the {grouped.num_samples['test']:,} test pictures of "
                f"{grouped.name} from {grouped.num_groups:,} group{'s' * (grouped.num_groups != 1)} are worth about "
                f"{grouped.effective:.0f} independent ones."
            )
        return " ".join(parts) or "Every class has enough pictures and groups in every split that has it."


def _text(one: ClassSupport, split: str) -> str:
    if split != "test":
        return f"{one.num_samples[split]}"
    groups = f"{one.num_groups} group{'s' * (one.num_groups != 1)}"
    return f"{one.num_samples['test']} from {groups}, worth {one.effective:.1f} independent"
