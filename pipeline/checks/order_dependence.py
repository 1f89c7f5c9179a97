"""Do neighbours in the source resemble each other although they are in different groups?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import property_column, property_columns, short_name
from pipeline.core.ranges import Fraction
from pipeline.core.results import MAX_IN_STRIP, Finding
from pipeline.statistics.bootstrap import Z


@final
@dataclass(frozen=True, kw_only=True)
class OrderDependence(Check):
    """The largest rank correlation of a measured property between neighbours of one class but of different groups.

    Pictures taken one after the other share a camera, a place or a patient. A group stays in one split, so resemblance
    within a group does no harm and neighbours of one group do not count. What remains is resemblance that no group
    explains. Pairs are of one class, because many sources list class by class.

    A correlation counts only if it is larger than chance explains for the largest of all properties (two-sided normal
    approximation, Bonferroni, 5 %).

    Args:
        max_correlation: Largest accepted correlation, 0 to 1.

    Source: serial rank correlation, Wald and Wolfowitz 1943, doi:10.1214/aoms/1177731358.
    """

    question: ClassVar[str] = "Do neighbours in the source resemble each other although they are in different groups?"

    max_correlation: Fraction
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        classes, _ = pd.factorize(samples["labels"].map("\x1f".join), sort=True)
        group, _ = pd.factorize(samples["group"])
        order = np.lexsort((samples["source_order"].to_numpy(), classes))
        classes, group = classes[order], group[order]
        first = np.flatnonzero((classes[1:] == classes[:-1]) & (group[1:] != group[:-1]))
        measured = [one for one in property_columns(samples) if is_numeric_dtype(samples[one])]
        by_chance = self._chance(len(first), len(measured))
        correlations = {
            short_name(column): _correlation(samples[column].to_numpy()[order], classes, first) for column in measured
        }
        correlations = dict(sorted(correlations.items(), key=lambda pair: -pair[1]))
        name, value = next(iter(correlations.items()), ("", 0.0))
        counts = value > by_chance
        names = samples["sample_id"].to_numpy()[order]
        return Finding(
            value=value if counts else 0.0,
            limit=self.max_correlation,
            unit="correlation of neighbours that no group explains",
            worst={one: round(figure, 3) for one, figure in list(correlations.items())[:5]},
            advice="Find out what neighbours share (a session, a patient, a camera) and give it as the group of the "
            "source, so that it stays in one split.",
            sentence=(
                f"Neighbours in the source resemble each other in {name.replace('_', ' ')} although they are in "
                "different groups."
                if counts
                else "Neighbours in the source resemble each other no more than chance and groups explain."
            ),
            pictures=_runs(
                name, _ranks_within_class(samples[property_column(name)].to_numpy()[order], classes), classes, names
            )
            if counts
            else {},
            obstacle=self._obstacle(len(first), len(measured), by_chance),
            table=[
                {"property": one, "correlation": figure, "by_chance_up_to": by_chance}
                for one, figure in correlations.items()
            ],
        )

    @staticmethod
    def _obstacle(num_pairs: int, num_measured: int, by_chance: float) -> str:
        if by_chance < 1:
            return ""
        if not num_measured:
            return "No numeric property of the pictures was measured, so neighbours cannot be compared; measure some."
        return (
            f"Only {num_pairs:,} pairs of neighbours have one class and different groups, too few to separate any "
            "resemblance from chance; collect more groups."
        )

    @staticmethod
    def _chance(num_pairs: int, num_tests: int) -> float:
        from scipy.stats import norm

        if num_pairs < 10 or not num_tests:
            return 1.0
        quantile = Z if num_tests == 1 else float(norm.isf(0.025 / num_tests))
        return min(1.0, quantile / float(np.sqrt(num_pairs)))


def _correlation(values: np.ndarray, classes: np.ndarray, first: np.ndarray) -> float:
    """Correlation of the ranks within each class of the rows `first` and the rows after them; 0 where undefined."""
    ranks = _ranks_within_class(values, classes)
    one, other = ranks[first], ranks[first + 1]
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else 0.0


def _ranks_within_class(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N,) rank of each row within its class, -0.5 to 0.5; the rows are sorted by class."""
    from scipy.stats import rankdata

    values = np.nan_to_num(values, nan=-1.0)
    ranks = np.empty(len(values))
    starts = np.flatnonzero(np.r_[True, classes[1:] != classes[:-1]]) if len(values) else np.array([], dtype=int)
    for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
        ranks[start:end] = rankdata(values[start:end]) / (end - start + 1) - 0.5
    return ranks


def _runs(name: str, ranks: np.ndarray, classes: np.ndarray, names: np.ndarray) -> dict[str, list[str]]:
    """The run of neighbours of one class with the least of a property, and the run with the most."""
    length = min(MAX_IN_STRIP, len(ranks))
    totals = np.convolve(ranks, np.ones(length), "valid")
    in_one_class = np.flatnonzero(classes[length - 1 :] == classes[: len(classes) - length + 1])
    if not len(in_one_class):
        return {}
    totals = totals[in_one_class]
    runs = {"least": in_one_class[totals.argmin()], "most": in_one_class[totals.argmax()]}
    return {
        f"Consecutive pictures with {kind} {name.replace('_', ' ')}": names[start : start + length].tolist()
        for kind, start in runs.items()
    }
