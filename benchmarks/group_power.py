"""How often checks fire on made-up data of few and of uneven groups: with a shortcut, or a drift, and without.

    python -m benchmarks.group_power                      # 50 runs a line
    python -m benchmarks.group_power --runs 100 --checks shortcut property_drift

Every property of a sample is a number, part of which its group has in common. `alike`: labels and properties change
slowly within each group, as in a film, and groups differ in both. A shortcut is brightness that tells the label within
every group; a drift is brightness 1.5 standard deviations higher in test. In each cell: runs that failed, and after the
stroke those that cannot be judged. Each check is as conf/ has it, but for fewer permutations (printed) and
trees: false alarms do not depend on them, and power hardly does. The number of a run is the seed of data and check.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from benchmarks import positive, run_main
from pipeline.checks.property_baseline import PropertyBaseline
from pipeline.checks.property_drift import PropertyDrift
from pipeline.checks.shortcut import Shortcut

SIZES = {
    "8 sites of 20 to 4,000": [20, 40, 100, 200, 500, 1000, 2000, 4000],
    "6 sites of 20 to 900": [20, 50, 100, 220, 450, 900],
    "10 sites, two of each size": [10, 10, 20, 20, 40, 40, 80, 80, 160, 160],
    "2 of 300 and 700, 300 single": [300, 700, *[1] * 300],
    "3 patients of 150": [150] * 3,
    "6 patients of 60": [60] * 6,
    "34 blocks of 20": [20] * 34,
}
IN_TEST = {3: 1, 6: 1, 8: 1, 10: 2, 34: 6, 302: 45}  # groups, of which val has as many where there are enough
NUM_PROPERTIES = 8
CHECKS: dict[str, Shortcut | PropertyBaseline | PropertyDrift] = {
    "shortcut": Shortcut(
        max_balanced_accuracy=0.65,
        alpha=0.04,
        num_permutations=99,
        num_folds=5,
        max_samples=50_000,
        seed=0,
        on_fail="warn",
    ),
    "property_baseline": PropertyBaseline(
        max_skill=0.5,
        alpha=0.01,
        num_permutations=199,
        num_folds=5,
        num_trees=10,
        max_samples=10_000,
        seed=0,
        on_fail="warn",
    ),
    "property_drift": PropertyDrift(max_distance=0.3, alpha=0.05, num_permutations=99, seed=0, on_fail="warn"),
}


def slow(sizes: list[int], generator: np.random.Generator) -> np.ndarray:
    """(N,) numbers of variance 1 in which neighbours of a group correlate with 0.9."""
    from scipy.signal import lfilter

    parts = []
    for size in sizes:
        noise = generator.normal(size=size)
        noise[1:] *= np.sqrt(1 - 0.9**2)
        parts.append(lfilter([1.0], [1.0, -0.9], noise))
    return np.concatenate(parts)


def labelled(sizes: list[int], alike: bool, planted: bool, generator: np.random.Generator) -> pd.DataFrame:
    """Samples of two classes, brightness told by the label where `planted`."""
    group = np.repeat(np.arange(len(sizes)), sizes)

    def number() -> np.ndarray:
        own = generator.normal(size=len(sizes))[group]
        return (0.7 * slow(sizes, generator) + own) if alike else generator.normal(size=len(group)) + 0.5 * own

    hidden = 0.8 * (slow(sizes, generator) + generator.normal(size=len(sizes))[group])
    label = ((hidden if alike else generator.normal(size=len(group))) > 0).astype(int)
    told = {f"prop_{one}": number() for one in range(NUM_PROPERTIES)}
    if planted:
        told["prop_0"] = 0.25 * told["prop_0"] + label
    names = [f"s{row}" for row in range(len(group))]
    labels = [["ab"[one]] for one in label]
    return pd.DataFrame({"sample_id": names, "path": "x.png", "labels": labels, "group": group, **told})


def split(sizes: list[int], alike: bool, planted: bool, generator: np.random.Generator) -> pd.DataFrame:
    """Samples of three splits, the largest groups in train, brightness higher in test where `planted`."""
    num_groups, num_test = len(sizes), IN_TEST[len(sizes)]
    order = np.lexsort((generator.random(num_groups), -np.array(sizes)))
    part = np.repeat(["train", "val", "test"], [num_groups - 2 * num_test, num_test, num_test])
    name = np.empty(num_groups, dtype=object)
    name[order] = part
    group = np.repeat(np.arange(num_groups), sizes)
    own = np.sqrt(0.5 if alike else 0.05)
    told = {
        f"prop_{one}": own * generator.normal(size=num_groups)[group]
        + np.sqrt(1 - own**2) * generator.normal(size=len(group))
        for one in range(NUM_PROPERTIES)
    }
    told["prop_0"] = told["prop_0"] + 1.5 * planted * (name[group] == "test")
    return pd.DataFrame({"group": group, "split": name[group], **told})


def states(name: str, sizes: list[int], alike: bool, planted: bool, runs: int) -> str:
    """Runs that failed, and those in which the check cannot be judged."""
    made: Callable[..., pd.DataFrame] = split if name == "property_drift" else labelled
    found = []
    for run in range(runs):
        generator = np.random.default_rng([run, len(sizes), alike, planted])
        check = replace(CHECKS[name], seed=run)
        found.append(check(made(sizes, alike, planted, generator)).state)
    return f"{found.count('failed')} / {found.count('cannot_be_judged')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=50)
    parser.add_argument("--checks", nargs="*", default=list(CHECKS), choices=list(CHECKS))
    parser.add_argument("--groups", nargs="*", default=list(SIZES), choices=list(SIZES))
    options = parser.parse_args()
    for name in options.checks:
        print(f"\n{name}, {CHECKS[name].num_permutations} permutations, {options.runs} runs a cell\n")
        print("| groups | nothing there | the same, alike | planted | the same, alike |\n|---|---:|---:|---:|---:|")
        for groups in options.groups:
            kinds = product((False, True), (False, True))
            cells = [states(name, SIZES[groups], alike, planted, options.runs) for planted, alike in kinds]
            print(f"| {groups} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    run_main(main)
