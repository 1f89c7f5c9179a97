"""Whether attribution maps depend on what a model learned, and how much of them lies near the border."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.evaluation.paired_comparison import paired_difference
from pipeline.statistics.bootstrap import Basis, Bootstrap, Replicates
from pipeline.statistics.rank_correlation import unit_ranks

State = Literal["depend", "do_not_depend", "cannot_be_judged"]
RANDOMISED, OTHER, REPRODUCED = "randomised_correlation", "other_correlation", "reproduced_share"
BORDER = "border_share"
MARGIN = 0.1  # of a side of the picture: what lies nearer is at the border
FEWEST = 2  # maps of different groups, which must be compared with one another


@dataclass(frozen=True, kw_only=True, eq=False)
class MapComparison:
    """The maps of a trained model compared with those of the same model without what it learned.

    Attributes:
        correlations: (N,) of the absolute map of each picture with that of the randomised model, -1 to 1; NaN where
            one of the two is constant.
        figures: `randomised_correlation`, the mean of these; `other_correlation`, the mean over pairs of trained maps
            of different groups; `reproduced_share`, how far the first lies on the way from the second to 1.
        state: The verdict.
        reason: Why there is none, a clause; empty where there is one.
    """

    correlations: np.ndarray
    figures: Mapping[str, Estimate]
    state: State
    reason: str = ""


def compare_maps(
    trained: np.ndarray, randomised: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap, max_reproduced: float
) -> MapComparison:
    """Whether maps depend on what was learned, by rank correlations of their absolute values.

    Maps that show the edges of the picture whatever the weights are correlate with those of the randomised model. So
    do maps that are all alike, since most of any map lies in the middle: hence the comparison with the maps of other
    pictures, and not with 0. The maps depend on what was learned where the whole interval of the reproduced share is
    below `max_reproduced`; they do not where it is above.

    Args:
        trained: (N, *spatial) of N pictures, clips or volumes.
        randomised: (N, *spatial) of the same pictures and classes.
        groups: (N,) of the pictures.
        bootstrap: How groups are resampled, where there are more than 100.
        max_reproduced: 0 to 1, of what sets the map of a picture apart from those of other pictures.

    Source: Adebayo et al. 2018, arXiv:1810.03292.
    """
    rows = [unit_ranks(np.abs(maps).reshape(len(maps), -1).astype(np.float64)) for maps in (trained, randomised)]
    own = (rows[0] * rows[1]).sum(axis=1)
    known = np.isfinite(own)
    between, parts = rows[0][known] @ rows[0][known].T, groups[known]
    apart = parts[:, None] != parts[None, :]
    num_groups = len(np.unique(parts))
    if num_groups < FEWEST:
        reason = (
            f"{int(known.sum())} of {len(own)} pictures have maps that are not constant, in {num_groups} independent "
            f"groups, and at least {FEWEST} are needed"
        )
        return MapComparison(correlations=own, figures={}, state="cannot_be_judged", reason=reason)

    def measure(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(R,) the three figures on (R, n) weights; NaN where no pair is left."""
        mean = weights @ own[known] / weights.sum(axis=1)
        pairs = ((weights @ apart) * weights).sum(axis=1)
        total = ((weights @ (between * apart)) * weights).sum(axis=1)
        other = np.divide(total, pairs, out=np.full_like(total, np.nan), where=pairs > 0)
        room = np.where(other < 1 - 1e-9, 1 - other, np.nan)
        return mean, other, np.clip((mean - other) / room, -1, 1)

    figures = _estimate(measure, parts, bootstrap)
    state, reason = _decide(figures[REPRODUCED], max_reproduced)
    return MapComparison(correlations=own, figures=figures, state=state, reason=reason)


def _estimate(
    measure: Callable[[np.ndarray], tuple[np.ndarray, ...]], groups: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    weights = bootstrap.replicates(groups)
    basis = Basis.of(np.ones((len(groups), 1), dtype=bool), groups)
    values = [float(one[0]) for one in measure(np.ones((1, len(groups))))]
    varied = [np.concatenate(parts) for parts in zip(*map(measure, weights), strict=True)]
    return {
        name: _mean(value, row, weights, basis, (-1.0, 1.0))
        for name, value, row in zip((RANDOMISED, OTHER, REPRODUCED), values, varied, strict=True)
    }


def _mean(
    value: float, varied: np.ndarray, weights: Replicates, basis: Basis, bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """A mean of numbers between bounds, with its t interval over groups: they are no counts of right and wrong."""
    found = paired_difference(value, varied, weights, basis, round(basis.n), bounds[1] - bounds[0])
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(bounds[0], found.low), high=min(bounds[1], found.high))


def _decide(share: Estimate, max_reproduced: float) -> tuple[State, str]:
    if share.value is None:
        return "cannot_be_judged", "the maps of all pictures are the same"
    if share.low is None or share.high is None:
        return "cannot_be_judged", share.caveat or "the share has no interval"
    if share.high < max_reproduced:
        return "depend", ""
    if share.low > max_reproduced:
        return "do_not_depend", ""
    return "cannot_be_judged", f"the interval of the reproduced share holds the limit of {100 * max_reproduced:g} %"


def border_mask(height: int, width: int) -> np.ndarray:
    """(H, W) bool: the places nearer to the border than a tenth of the side, at least one pixel wide."""
    mask = np.ones((height, width), dtype=bool)
    rows, columns = (max(1, round(MARGIN * side)) for side in (height, width))
    mask[rows : height - rows, columns : width - columns] = False
    return mask


def border_shares(maps: np.ndarray) -> np.ndarray:
    """(N,) share of the absolute attribution near the border, 0 to 1, of (N, *spatial) maps; NaN for a map of zeros.

    Of clips and volumes it is the border of each frame or slice.
    """
    strengths, axes = np.abs(maps).astype(np.float64), tuple(range(1, maps.ndim))
    total = strengths.sum(axis=axes)
    near = (strengths * border_mask(*maps.shape[-2:])).sum(axis=axes)
    return np.divide(near, total, out=np.full(len(maps), np.nan), where=total > 0)


def estimate_mean(values: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """The mean of (N,) numbers between 0 and 1 with its interval over groups; a NaN is left out."""
    known = np.isfinite(values)
    values, groups = values[known], groups[known]
    if not len(values):
        return Estimate(value=None, low=None, high=None, n=0, groups=0)
    weights = bootstrap.replicates(groups)
    basis = Basis.of(np.ones((len(values), 1), dtype=bool), groups)
    varied = np.concatenate([block @ values / block.sum(axis=1) for block in weights])
    return _mean(float(values.mean()), varied, weights, basis)
