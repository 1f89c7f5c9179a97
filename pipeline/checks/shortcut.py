"""Does one property of the picture or its file predict the label, without the content of the picture?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pipeline.checks.remedies import Lack, find_lacks, suggest_remedies
from pipeline.checks.shortcuts.common_background import can_be_content
from pipeline.checks.shortcuts.single_property import LabelTable, PropertyAssociation, rank_properties
from pipeline.core.contracts import Check
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import property_column
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.core.results import Finding
from pipeline.core.terminal import count_of
from pipeline.datasets.properties import Property, collect_properties, stratified_group_sample

CONTENT = (
    "All pictures have the same background, so this can be what they show, as ink separates a 1 from an 8; only a "
    "person can say."
)
NUM_PICTURES = 8  # at each end of the best predictor
NUM_SHOWN = 5
MAX_ROWS = 200


@final
@dataclass(frozen=True, kw_only=True)
class Shortcut(Check):
    """The largest balanced accuracy with which one property alone predicts a label, beyond chance.

    All splits count together: a shortcut that train and test share makes the test figure look good, and a comparison of
    the splits cannot reveal it. The check fails if the accuracy is above its limit and its p-value, corrected over all
    properties and labels, is at most `alpha` (`single_property`). An accuracy that chance explains counts as 0.5.
    P-values come from block permutations of the labels, between groups of similar size and within groups. If a property
    is above the limit and there are too few groups for any permutation to reach `alpha`, the check cannot be judged.

    Where all pictures have the same background, properties of the object can be what the pictures show
    (`common_background`): with `on_fail: warn` the finding is then noted, if nothing else is above the limit.

    Args:
        max_balanced_accuracy: Largest accepted balanced accuracy, 0.5 (chance) to 1 (perfect prediction).
        alpha: Accepted share of false alarms among data sets without a shortcut.
        num_permutations: Permutations of the labels in each of the two schemes; at least 2 / alpha - 1, since the
            smallest p-value of both together is 2 / (num_permutations + 1).
        num_folds: Folds of the cross-validation; each is predicted from the others. At least 2.
        max_samples: With more samples, whole groups are sampled so that each class keeps its share.
        seed: Seed of the folds, the permutations and the sampling.
        accepted: Property to the reason why a person accepts that it predicts the label; the reason stays in the
            finding.
    """

    question: ClassVar[str] = (
        "Does one property of the picture or its file predict the label, without the content of the picture?"
    )

    max_balanced_accuracy: Annotated[float, Interval(ge=0.5, le=1)]
    alpha: Annotated[float, Interval(gt=0, lt=1)]
    num_permutations: int
    num_folds: Annotated[int, Ge(2)]
    max_samples: PositiveInt
    seed: Seed
    on_fail: Literal["error", "warn"]
    accepted: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.num_permutations + 1) * self.alpha < 2:
            raise ValueError(f"num_permutations must be at least 2 / alpha - 1, got {self.num_permutations}")
        for name, reason in self.accepted.items():
            if not str(reason or "").strip():
                raise ValueError(f"accepted must give a reason for {name!r}, got {reason!r}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        subset = stratified_group_sample(samples, self.max_samples, self.seed)
        known, labelled = collect_properties(subset), LabelTable.of(subset)
        self._refuse_unknown(sorted(one.name for one in known))
        associations = rank_properties(labelled, known, self.num_permutations, self.num_folds, self.alpha, self.seed)
        beyond_chance = [one for one in associations if one.p <= self.alpha]
        over = [one for one in beyond_chance if one.accuracy > self.max_balanced_accuracy]
        open_accuracies = [one.accuracy for one in beyond_chance if one.name not in self.accepted]
        unexplained = [one.name for one in over if one.name not in self.accepted]
        obstacle = self._obstacle(labelled, associations)
        is_content = self.on_fail == "warn" and not obstacle and can_be_content(unexplained, subset)
        shown = {one.name: one for one in [*over, *associations][:NUM_SHOWN]}
        shown.update({one.name: one for one in over if one.name in self.accepted})
        return Finding(
            value=max(open_accuracies, default=0.5),
            limit=self.max_balanced_accuracy,
            unit="balanced accuracy of one property alone (0.5 is chance)",
            worst={name: self._text(one) for name, one in shown.items()},
            advice=_advice(labelled, known, unexplained),
            sentence=_sentence(over, [one for one in associations if one.accuracy > self.max_balanced_accuracy]),
            note=CONTENT if is_content else "",
            pictures=_extremes(subset, over),
            table=[self._row(one) for one in associations[:MAX_ROWS]],
            obstacle=obstacle,
        )

    def _obstacle(self, labelled: LabelTable, associations: list[PropertyAssociation]) -> str:
        if len(labelled.classes) < 2:
            return (
                "The labelled pictures have fewer than two labels, so there is nothing to predict; label other classes."
            )
        if not associations:
            return "No measured property varies, so none can predict a label; measure others, or give attributes."
        high = [
            one for one in associations if one.accuracy > self.max_balanced_accuracy and one.name not in self.accepted
        ]
        blind = [one for one in high if one.p > self.alpha and one.least_p > self.alpha]
        if blind:
            has, lacks = labelled.count_groups(blind[0].label)
            return (
                f"{_describe(blind[0])}, but {count_of(has, 'group')} with {blind[0].label} and {lacks:,} without "
                f"allow so few permutations of the labels that the smallest possible p-value is {blind[0].least_p:.2g};"
                " collect pictures of more groups, or give smaller groups."
            )
        return _of_one_group(labelled)

    def _refuse_unknown(self, names: list[str]) -> None:
        for name in self.accepted:
            if name not in names:
                raise UserError(
                    f"params.yaml: check.shortcut.accepted names {name!r}, which is no property of these data; "
                    f"name one of {', '.join(names)}, or remove the entry"
                )

    def _row(self, one: PropertyAssociation) -> dict[str, object]:
        return {
            "property": one.name,
            "label": one.label,
            "balanced_accuracy": one.accuracy,
            "p": one.p,
            "AUC_or_V": one.figure,
            "best_pair": f"{one.pair[0]} from {one.pair[1]}" if one.pair else "",
            "of_the_pair": one.pair[2] if one.pair else None,
            "accepted": self.accepted.get(one.name, ""),
        }

    def _text(self, one: PropertyAssociation) -> str:
        pair = f"; best {one.pair[0]} from {one.pair[1]}, {one.pair[2]:.2f}" if one.pair else ""
        reason = f"; accepted: {self.accepted[one.name]}" if one.name in self.accepted else ""
        return f"{one.accuracy:.3f} for {one.label} ({one.figure}, p {one.p:.3f}{pair}{reason})"


def _sentence(over: list[PropertyAssociation], high: list[PropertyAssociation]) -> str:
    """About the best property beyond chance; else about the best one above the limit that chance explains."""
    if over:
        return f"{_describe(over[0])}: a network may learn that instead of what the picture shows."
    if high:
        return (
            f"{_describe(high[0])}, but with so few samples or groups this may be chance: permuted labels gave as "
            f"much in {100 * high[0].p:.0f} % of the permutations."
        )
    return "No property of the pictures predicts their labels better than the limit allows."


def _of_one_group(labelled: LabelTable) -> str:
    """An obstacle where all samples of a class, at least two, are in one group; else empty."""
    pairs = pd.DataFrame({"label": labelled.codes, "group": labelled.groups[labelled.rows]}).groupby("label")["group"]
    names = [str(labelled.classes[one]) for one in np.flatnonzero((pairs.nunique() == 1) & (pairs.size() > 1))]
    if not names:
        return ""
    more = f" and {len(names) - NUM_SHOWN} more" if len(names) > NUM_SHOWN else ""
    return (
        f"Each of these classes is in a single group, so class and group cannot be separated: "
        f"{', '.join(names[:NUM_SHOWN])}{more}; collect these classes from other groups too, or give smaller groups."
    )


def _describe(one: PropertyAssociation) -> str:
    name = one.name.replace("_", " ").capitalize()
    return f"{name} alone separates {one.label} from the rest with a balanced accuracy of {100 * one.accuracy:.0f} %"


def _extremes(samples: pd.DataFrame, over: list[PropertyAssociation]) -> dict[str, list[str]]:
    """The samples at both ends of the best predictor that is a number."""
    for one in over:
        column = property_column(one.name)
        if column in samples and pd.api.types.is_numeric_dtype(samples[column]):
            ordered = samples.dropna(subset=[column]).sort_values([column, "sample_id"])["sample_id"]
            ends = {"lowest": ordered.head(NUM_PICTURES), "highest": ordered.tail(NUM_PICTURES)[::-1]}
            return {f"{end} {one.name.replace('_', ' ')}": names.tolist() for end, names in ends.items()}
    return {}


def _advice(labelled: LabelTable, known: list[Property], names: list[str]) -> str:
    """Remedies for the properties, best predictor first; the combinations to collect are those of the first."""
    by_name = {one.name: one for one in known}
    return suggest_remedies(
        [by_name[one].column for one in names], find_lacks(labelled, by_name[names[0]]) if names else Lack()
    )
