"""The chance of each distance of a report: one permutation of groups for all that looks at the same pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.drift_report import Chance
from pipeline.statistics.group_permutation import Units, permuted_distances, sides, take_equally, unit_means
from pipeline.statistics.permutation import least_possible, max_t_p_values, significant_from

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import DriftTest
    from pipeline.core.observations import Observations

POWER_ERRORS = 0.84  # standard normal quantile of the power, 80 %
TOLERANCE = 1e-12  # of rounding, between a p-value and alpha


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """The pictures of both sides that some tests look at.

    Attributes:
        reference: With groups.
        new: With groups.
        tests: Name to test.
    """

    reference: Observations
    new: Observations
    tests: Mapping[str, DriftTest]


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """The distances of a selection, of the true sides and of permuted ones.

    Attributes:
        names: Of the tests, in the order of the last axis of `statistics`.
        widths: Number of distances of each test.
        statistics: (M + 1, P, T), the true sides first; 0 beyond the width of a test.
        units: What was permuted.
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    statistics: np.ndarray
    units: Units

    @property
    def least_p(self) -> float:
        """The smallest p-value that these units allow."""
        return float(least_possible(self.statistics).min())


def permute(selection: Selection, num_permutations: int, seed: int) -> Family:
    """The family of a selection; both sides have a picture."""
    generator = np.random.default_rng(seed)
    groups = np.concatenate([_groups(selection.reference), _groups(selection.new)])
    is_new = np.arange(len(groups)) >= len(selection.reference)
    units = take_equally(groups, is_new, generator)
    assigned = sides(units.is_new, num_permutations, generator)
    first = int((units.rows < len(selection.reference)).sum())
    reference = selection.reference.take(units.rows[:first])
    new = selection.new.take(units.rows[first:] - len(selection.reference))
    found = [
        permuted_distances(unit_means(test.summarise(reference, new, seed), units), assigned, test.distances)
        for test in selection.tests.values()
    ]
    widths = tuple(one.shape[1] for one in found)
    statistics = np.zeros((len(assigned), max(widths), len(found)))
    for column, distances in enumerate(found):
        statistics[:, : widths[column], column] = distances
    return Family(names=tuple(selection.tests), widths=widths, statistics=statistics, units=units)


def _groups(observed: Observations) -> np.ndarray:
    if observed.groups is None:
        raise ValueError("groups are resolved before pictures are compared")
    return observed.groups


def explain_by_chance(families: list[Family], alpha: float, num_resamples: int, seed: int) -> dict[str, Chance]:
    """Name of a test to what chance explains of it.

    Within a family p-values are corrected by the largest standardised distance (max T), over the families by the number
    of those that `share_alpha` finds (Bonferroni). A family that cannot reach its share, since it has too few groups,
    costs the others nothing: its p-values, corrected for all families, are above alpha.

    Args:
        families: Of different selections.
        alpha: Probability that anything is called drifted by chance.
        num_resamples: Passed on, as is `seed`.
    """
    used = share_alpha([one.least_p for one in families], alpha)
    return {
        name: chance
        for number, family in enumerate(families)
        for name, chance in _of_family(
            family, len(used) if number in used else len(families), alpha, num_resamples, seed
        ).items()
    }


def share_alpha(least: Sequence[float], alpha: float) -> list[int]:
    """Indices of the families that share alpha: the most of them that can each reach their share, else the best alone.

    Each other one has a smallest p-value that is above its share even of a division among all, so that it is never
    called drifted, and alpha holds for all families together.

    Args:
        least: The smallest possible p-value of each family.
        alpha: The level that they share.

    Source: the number of tests that can be significant at all, Tarone 1990, doi:10.2307/2531456.
    """
    best_first = sorted(range(len(least)), key=lambda family: least[family])
    able = [rank for rank, family in enumerate(best_first, 1) if rank * least[family] <= alpha + TOLERANCE]
    return best_first[: max(able, default=1)]


def _of_family(family: Family, factor: int, alpha: float, num_resamples: int, seed: int) -> dict[str, Chance]:
    p_values = np.minimum(1, factor * max_t_p_values(family.statistics))
    limits = significant_from(family.statistics, alpha / factor)
    detectable = limits + POWER_ERRORS * family.statistics.std(axis=0)
    return {
        name: Chance(
            distances=family.statistics[0, :width, column],
            p_values=p_values[:width, column],
            significant_from=limits[:width, column],
            detectable=detectable[:width, column],
            least_p=min(1.0, factor * family.least_p),
            num_reference=family.units.num_reference,
            num_new=family.units.num_new,
            are_groups=family.units.are_groups,
            alpha=alpha,
            share=alpha / factor,
            num_resamples=num_resamples,
            seed=seed,
        )
        for column, (name, width) in enumerate(zip(family.names, family.widths, strict=True))
    }
