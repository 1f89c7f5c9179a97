"""Does the interval of a paired difference hold the truth, where draws of labels and groups of val both vary?

    python -m benchmarks.draw_coverage [--runs 500] [--draws 10]

Two kinds of features are right on a picture of val with probabilities that depend on the picture's group, on the draw
of labels, and on both together, and that differ between the kinds. The truth is the mean difference over all draws
and groups. Counts how often three 95 % intervals hold it:

* draws: t over the draws, with this val.
* groups: groups of val resampled, the mean over these draws.
* both: as `colibri label-efficiency` has it (`label_efficiency.estimate_draws`).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy.special import expit

from benchmarks import positive, run_main
from pipeline.evaluation.label_efficiency import LEADING, ValSamples, crossed_half_width, estimate_draws, measure_hits
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=400, seed=0)
SIZES = {5: 80, 12: 33, 34: 12, 400: 1}  # groups of val: pictures in each
# standard deviations of the logit: of the difficulty of a group; per kind, of a group, of a draw, and of both together
DIFFICULTY, OF_GROUP = 0.8, 0.4
SPREADS = {"draws differ much": (0.5, 0.3), "draws differ little": (0.05, 0.05)}
SKILLS = (0.4, 0.8)
NUM_TRUTH = 2000  # draws and groups behind the truth


def sample_probabilities(
    num_draws: int, num_groups: int, spread: tuple[float, float], generator: np.random.Generator
) -> list[np.ndarray]:
    """Of each kind the (D, G) probabilities of being right."""
    difficulty = DIFFICULTY * generator.standard_normal(num_groups)
    found = []
    for skill in SKILLS:
        logits = skill + difficulty + OF_GROUP * generator.standard_normal(num_groups)
        logits = logits + spread[0] * generator.standard_normal((num_draws, 1))
        found.append(expit(logits + spread[1] * generator.standard_normal((num_draws, num_groups))))
    return found


def true_difference(spread: tuple[float, float]) -> float:
    low, high = sample_probabilities(NUM_TRUTH, NUM_TRUTH, spread, np.random.default_rng(1))
    return float((high - low).mean())


def holds(
    truth: float, num_draws: int, num_groups: int, spread: tuple[float, float], generator: np.random.Generator
) -> dict[str, bool]:
    """Whether each interval of one simulated comparison holds the truth."""
    groups = np.repeat(np.arange(num_groups), SIZES[num_groups])
    chances = sample_probabilities(num_draws, num_groups, spread, generator)
    hits = {str(kind): generator.random((num_draws, len(groups))) < one[:, groups] for kind, one in enumerate(chances)}
    val = ValSamples(codes=np.zeros(len(groups), dtype=int), groups=groups, bootstrap=BOOTSTRAP)
    found = measure_hits(hits, val)
    gain = found["1"].minus(found["0"])
    entry = estimate_draws(gain, val, is_difference=True)[LEADING]
    value, both, over_draws = entry.estimate.value, entry.estimate.interval, entry.over_draws
    assert value is not None
    assert both is not None
    assert over_draws is not None
    half = crossed_half_width(0.0, 1, val.weights.spread(gain.replicates[LEADING]), num_groups)
    return {
        "draws": over_draws[0] <= truth <= over_draws[1],
        "groups": abs(value - truth) <= half,
        "both": both[0] <= truth <= both[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=500, help="comparisons of each kind (default: 500)")
    parser.add_argument("--draws", type=positive, default=10, help="draws of labels (default: 10)")
    options = parser.parse_args()
    started = time.process_time()
    for name, spread in SPREADS.items():
        truth = true_difference(spread)
        for num_groups in SIZES:
            generator = np.random.default_rng(num_groups)
            runs = [holds(truth, options.draws, num_groups, spread, generator) for _ in range(options.runs)]
            shares = "  ".join(f"{key} {100 * np.mean([run[key] for run in runs]):5.1f} %" for key in runs[0])
            print(f"{name:20s} {num_groups:4d} groups: {shares}")
    print(f"{time.process_time() - started:.0f} CPU s")


if __name__ == "__main__":
    run_main(main)
