"""How often the search for weak slices raises a false alarm, and how often it finds a planted one.

    python -m benchmarks.slices [--runs 120] [--power]

Each simulated test set has 22 measured properties in quarters (half of them alike within groups), three attributes of
whole groups, and 60 pairs: about 140 slices of at least 20 samples. Being right has a probability of 0.85, with an
intraclass correlation within groups. Prints a line for each situation: percent of test sets with a false alarm; with
--power percent in which a planted slice is found: a quarter of test that is 20 points weaker, or 40 samples 40 weaker.
"""

from __future__ import annotations

import argparse

import numpy as np

from pipeline.core.terminal import say
from pipeline.evaluation.slice_search import ALPHA, search_slices

ACCURACY, MIN_SLICE, NUM_PAIRS = 0.85, 20, 60
SITUATIONS = {  # sizes of the groups
    "400 pictures, each its own group": [1] * 400,
    "6 groups of 60": [60] * 6,
    "12 groups of 30": [30] * 12,
    "40 groups of 10": [10] * 40,
    "8 groups of 20 to 1,000": [20, 30, 40, 60, 100, 200, 500, 1000],
    "ELPV's 6 sizes": [120, 60, 60, 60, 60, 12],
}
CORRELATIONS = (0.1, 0.3)
PLANTED = {"a quarter, 20 points": (None, 0.2), "40 pictures, 40 points": (40, 0.4)}


def simulate_slices(groups: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """Positions of the samples of each slice; the first is a quarter of a property without influence."""
    num_groups = int(groups.max()) + 1
    features = [generator.normal(size=len(groups)) for _ in range(12)]
    features += [generator.normal(size=num_groups)[groups] + generator.normal(0, 0.7, len(groups)) for _ in range(10)]
    bins = [np.searchsorted(np.quantile(one, [0.25, 0.5, 0.75]), one) for one in features]
    slices = [np.flatnonzero(one == quarter) for one in bins for quarter in range(4)]
    if num_groups < len(groups):
        attributes = [generator.integers(0, 2, num_groups)[groups] for _ in range(3)]
        slices += [np.flatnonzero(one == value) for one in attributes for value in (0, 1)]
    chosen = [generator.choice(len(slices), 2, replace=False) for _ in range(NUM_PAIRS)]
    slices += [np.intersect1d(slices[first], slices[second]) for first, second in chosen]
    return [one for one in slices if MIN_SLICE <= len(one) < len(groups)]


def simulate(sizes: list[int], correlation: float, seed: int, planted: tuple[int | None, float] | None) -> bool:
    """Whether one test set has a false alarm, or whether its planted slice is found."""
    generator = np.random.default_rng([seed, 18])
    groups = np.repeat(np.arange(len(sizes)), sizes)
    spread = 1 / correlation - 1 if correlation else 0
    of_group = generator.beta(ACCURACY * spread, (1 - ACCURACY) * spread, len(sizes)) if spread else ACCURACY
    probability = np.broadcast_to(of_group, len(sizes))[groups].copy()
    slices = simulate_slices(groups, generator)
    if planted:
        size, gap = planted
        if size:
            slices.insert(0, np.sort(generator.choice(len(groups), size, replace=False)))
        probability[slices[0]] = np.clip(probability[slices[0]] - gap, 0, 1)
    is_right = generator.random(len(groups)) < probability
    found = search_slices(is_right, slices, groups, seed).p_values <= ALPHA
    return bool(found[0] if planted else found.any())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=120, help="test sets of each situation")
    parser.add_argument("--power", action="store_true", help="planted slices instead of false alarms")
    arguments = parser.parse_args()
    for name, sizes in SITUATIONS.items():
        for correlation in CORRELATIONS if max(sizes) > 1 else (0.0,):
            for what, planted in PLANTED.items() if arguments.power else {"false alarms": None}.items():
                hits = [simulate(sizes, correlation, seed, planted) for seed in range(arguments.runs)]
                say(f"{name}, ICC {correlation:.1f}: {what} {100 * np.mean(hits):.1f} %")


if __name__ == "__main__":
    main()
