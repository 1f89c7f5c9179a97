"""Does the fitted curve foresee the figure of twice as many pictures?

    python -m benchmarks.learning_curve digits
    python -m benchmarks.learning_curve FOLDER

`digits` are scikit-learn's 1,797 digits as 64 pixels, each its own group; FOLDER is a project that has run (its data/
holds manifest, splits and embeddings). The curve is fitted to probes on 10, 20, 40 and 80 % of an eighth, a quarter or
half of the groups. Then probes are fitted to twice as many groups and tested on the same samples. `held`: whether the
interval of the gain holds what was gained.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from benchmarks import run_main
from pipeline.core import artifacts
from pipeline.evaluation.cross_validation import _curve, decide_by_probe
from pipeline.evaluation.curve_text import DOUBLED, GAIN, PERCENTS, POINT
from pipeline.evaluation.learning_curve import CurvePoint, curve_estimates
from pipeline.features.linear_probe import stratified_group_folds
from pipeline.features.store import Embeddings
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.classification import balanced_accuracy

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
SHARES = (0.125, 0.25, 0.5)  # of the groups: at each the curve is fitted


def load_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 64) pixels, (N, 10) targets, (N,) groups."""
    from sklearn.datasets import load_digits as load

    found = load()
    return found.data.astype(np.float32), np.eye(10)[found.target], np.arange(len(found.target)).astype(str)


def load_project(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, D) features, (N, K) targets, (N,) groups of a project that has run."""
    os.chdir(folder)
    samples = artifacts.read_table(artifacts.MANIFEST).drop(columns=["group"])
    samples = samples.merge(artifacts.read_table(artifacts.SPLITS), on="sample_id")
    samples = samples[samples["split"] != "none"].reset_index(drop=True)
    classes = sorted(samples["labels"].explode().dropna().unique())
    targets = np.array([[name in labels for name in classes] for labels in samples["labels"]]).astype(float)
    features = np.asarray(Embeddings.load().of(samples["sample_id"]), dtype=np.float32)
    return features, targets, samples["group"].to_numpy(dtype=str)


def points(features: np.ndarray, targets: np.ndarray, groups: np.ndarray, seed: int) -> list[CurvePoint]:
    """As `cross_validate` makes them."""
    parts = stratified_group_folds(targets.argmax(axis=1), groups, 5, seed)
    decided = np.zeros(targets.shape, dtype=bool)
    for train, test in parts:
        decided[test] = decide_by_probe(features[train], targets[train], features[test], True)
    first = _curve(features, targets, groups, parts, True, seed)
    size = float(np.mean([len(train) for train, _ in parts]))
    return [*first, CurvePoint(percent=PERCENTS[-1], num_train=size, decided=decided)] if first else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="digits, or the folder of a project")
    parser.add_argument("--seeds", type=int, default=3, help="samples of groups of each size")
    arguments = parser.parse_args()
    features, targets, groups = load_digits() if arguments.data == "digits" else load_project(Path(arguments.data))
    names = np.unique(groups)
    print("| trained on | measured | predicted for twice | measured there | predicted gain | gained | held |")
    print("|---|---|---|---|---|---|---|")
    for share in SHARES:
        for seed in range(arguments.seeds):
            order = np.random.default_rng(seed).permutation(names)
            num = round(share * len(names))
            small = np.flatnonzero(np.isin(groups, order[:num]))
            curve = points(features[small], targets[small], groups[small], seed)
            found = curve_estimates(curve, targets[small], groups[small], True, BOOTSTRAP)
            if GAIN not in found:
                print(f"| {len(small)} | no curve: too few groups |")
                continue
            large = np.flatnonzero(np.isin(groups, order[: 2 * num]))
            later = points(features[large], targets[large], groups[large], seed)[-1]
            # twice as many, on the same groups as the prediction
            both = np.isin(large, small)
            reached = float(balanced_accuracy(targets[small], later.decided[both], np.ones((1, len(small))), True)[0])
            last, gain = found[POINT.format(80)], found[GAIN]
            values = [100 * (found[POINT.format(percent)].value or 0) for percent in (80, DOUBLED)]
            gained = reached - (last.value or 0)
            interval, held = "-", "-"
            if gain.interval is not None:
                interval = f"{100 * gain.interval[0]:+.1f} to {100 * gain.interval[1]:+.1f}"
                held = "yes" if gain.interval[0] <= gained <= gain.interval[1] else "no"
            print(
                f"| {last.n:,} | {values[0]:.1f} | {values[1]:.1f} | {100 * reached:.1f} "
                f"| {100 * (gain.value or 0):+.1f}, {interval} | {100 * gained:+.1f} | {held} |",
                flush=True,
            )


if __name__ == "__main__":
    run_main(main)
