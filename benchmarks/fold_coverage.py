"""Do intervals of cross-validated figures hold the truth, where folds share most of their training data?

    python -m benchmarks.fold_coverage [--runs 500] [--groups 6] [--nested]

Samples groups of pictures from a population in which being right has an intra-class correlation of 0.3, fits a ridge
classifier on ten features to each of five folds of whole groups, and counts how often an interval holds the accuracy
that the models of these five folds have in the population ("these models") and the mean of that over all data sets
("the recipe"). Methods:

* pictures: pooled decisions as if every picture were independent (Wald).
* folds: corrected resampled t over the accuracies of folds (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).
* groups: pooled decisions, each group left out once, t of groups - 1, as for a single test set.
* widened: the same with a standard error 1.25 times as large, as `colibri cross-validate` has it
  (`Bootstrap.across_folds`).
* nested: nested cross-validation, 20 divisions into folds (Bates, Hastie and Tibshirani 2024,
  doi:10.1080/01621459.2023.2197686), variances within a fold by group; 420 fits instead of 5.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from benchmarks import positive, run_main
from pipeline.core.predictions import Predictions
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy
from pipeline.statistics.bootstrap import Bootstrap

NUM_FEATURES, NUM_FOLDS, NUM_POPULATION = 10, 5, 20_000
DISTANCE, SHIFT, SKILL = 1.1, 1.4, 0.9  # of the classes; standard deviations between groups
PREVALENCE, LABEL_ICC = 0.4, 0.4  # with them the ICC of being right is 0.3
PENALTY = 5.0
DIVISIONS = 20
METRICS = {"accuracy": Accuracy(), "balanced": BalancedAccuracy()}
BOOTSTRAP = Bootstrap(num_resamples=400, seed=0)
SIZES = {6: 60, 12: 30, 34: 40}  # groups: pictures in each


@dataclass(frozen=True, eq=False)
class Pictures:
    """(N, 11) features with a column of ones, (N,) signs of the two classes, (N,) groups."""

    features: np.ndarray
    signs: np.ndarray
    groups: np.ndarray


def sample(num_groups: int, per_group: int, generator: np.random.Generator) -> Pictures:
    """Each group has its own prevalence, shift of all features, and distance between the classes."""
    groups = np.repeat(np.arange(num_groups), per_group)
    spread = (1 - LABEL_ICC) / LABEL_ICC
    shares = generator.beta(PREVALENCE * spread, (1 - PREVALENCE) * spread, size=num_groups)
    signs = np.where(generator.random(len(groups)) < shares[groups], 1.0, -1.0)
    features = generator.standard_normal((len(groups), NUM_FEATURES))
    features += (SHIFT * generator.standard_normal((num_groups, NUM_FEATURES)))[groups]
    features[:, 0] += signs * (DISTANCE * np.exp(SKILL * generator.standard_normal(num_groups)))[groups]
    return Pictures(np.hstack([features, np.ones((len(groups), 1))]), signs, groups)


def fit(pictures: Pictures, rows: np.ndarray) -> np.ndarray:
    """(11,) weights of a ridge regression on the signs."""
    inputs = pictures.features[rows]
    return np.linalg.solve(inputs.T @ inputs + PENALTY * np.eye(inputs.shape[1]), inputs.T @ pictures.signs[rows])


def fold_of_each(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(N,) folds of whole groups, of as equal numbers of groups as may be."""
    names = np.unique(groups)
    folds = dict(zip(generator.permutation(names).tolist(), (np.arange(len(names)) % NUM_FOLDS).tolist(), strict=True))
    return np.array([folds[name] for name in groups.tolist()])


def is_right(pictures: Pictures, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (pictures.features[rows] @ weights > 0) == (pictures.signs[rows] > 0)


def to_predictions(pictures: Pictures, right: np.ndarray) -> Predictions:
    actual = (pictures.signs > 0).astype(int)
    decided = np.eye(2, dtype=bool)[np.where(right, actual, 1 - actual)]
    return Predictions(
        sample_ids=np.arange(len(right)).astype(str),
        groups=pictures.groups.astype(str),
        targets=np.eye(2)[actual],
        decided=decided,
        scores=decided.astype(float),
        classes=["0", "1"],
    )


def group_error(right: np.ndarray, groups: np.ndarray) -> float:
    """The standard error of a share over whole groups (ratio estimator); NaN of one group."""
    codes = np.unique(groups, return_inverse=True)[1]
    sizes, rest = np.bincount(codes), np.bincount(codes, right - right.mean())
    num = len(sizes)
    return math.sqrt(num / (num - 1) * float((rest**2).sum())) / len(right) if num > 1 else math.nan


def nested_interval(pictures: Pictures, center: float, generator: np.random.Generator) -> tuple[float, float]:
    """The interval of nested cross-validation, at least as wide as that of groups, at most sqrt(5) times."""
    gaps, noise, inner_errors = [], [], []
    for _ in range(DIVISIONS):
        fold = fold_of_each(pictures.groups, generator)
        for held in range(NUM_FOLDS):
            outer = np.flatnonzero(fold == held)
            right = is_right(pictures, fit(pictures, fold != held), outer)
            inner = np.concatenate(
                [
                    is_right(pictures, fit(pictures, (fold != held) & (fold != k)), np.flatnonzero(fold == k))
                    for k in range(NUM_FOLDS)
                    if k != held
                ]
            )
            gaps.append((inner.mean() - right.mean()) ** 2)
            noise.append(group_error(right, pictures.groups[outer]) ** 2)
            inner_errors.append(inner.mean())
    mean_square = float(np.mean(gaps) - np.nanmean(noise))
    inner_mean = float(np.mean(inner_errors))
    middle = inner_mean - (1 + (NUM_FOLDS - 2) / NUM_FOLDS) * (inner_mean - center)
    return middle, math.sqrt(max(0.0, (NUM_FOLDS - 1) / NUM_FOLDS * mean_square))


def measure(num_groups: int, per_group: int, runs: int, nested: bool) -> dict[str, tuple[float, float, float]]:
    """Method to coverage of these models' accuracy, coverage of the recipe's, and mean width."""
    generator = np.random.default_rng(num_groups)
    population = sample(NUM_POPULATION, 1, generator)
    everything = np.arange(NUM_POPULATION)
    balance = np.where(population.signs > 0, 0.5 / (population.signs > 0).sum(), 0.5 / (population.signs < 0).sum())
    truths, intervals = [], []
    for _ in range(runs):
        pictures = sample(num_groups, per_group, generator)
        fold = fold_of_each(pictures.groups, generator)
        right, true = np.zeros(len(fold), dtype=bool), []
        for held in range(NUM_FOLDS):
            weights = fit(pictures, fold != held)
            rows = np.flatnonzero(fold == held)
            right[rows] = is_right(pictures, weights, rows)
            of_all = is_right(population, weights, everything)
            true.append((of_all.mean(), (balance * of_all).sum()))
        truths.append(np.mean(true, axis=0))
        found = {}
        value, quantile = right.mean(), float(stdtrit(num_groups - 1, 0.975))
        half = 1.96 * math.sqrt(value * (1 - value) / len(right))
        found["pictures"] = (value - half, value + half, 0)
        means = np.array([right[fold == one].mean() for one in range(NUM_FOLDS)])
        half = float(stdtrit(NUM_FOLDS - 1, 0.975)) * math.sqrt(
            (1 / NUM_FOLDS + 1 / (NUM_FOLDS - 1)) * means.var(ddof=1)
        )
        found["folds"] = (means.mean() - half, means.mean() + half, 0)
        for name, bootstrap in (("groups", BOOTSTRAP), ("widened", BOOTSTRAP.across_folds)):
            estimates = estimate_metrics(METRICS, to_predictions(pictures, right), bootstrap)
            found[name] = (estimates["accuracy"].low, estimates["accuracy"].high, 0)
            found[f"{name}, balanced"] = (estimates["balanced"].low, estimates["balanced"].high, 1)
        if nested:
            middle, error = nested_interval(pictures, value, generator)
            naive = group_error(right, pictures.groups)
            half = quantile * min(max(error, naive), math.sqrt(NUM_FOLDS) * naive)
            found["nested"] = (middle - half, middle + half, 0)
        intervals.append(found)
    recipe = np.mean(truths, axis=0)
    result = {}
    for name in intervals[0]:
        rows = [(true, *one[name]) for true, one in zip(truths, intervals, strict=True) if one[name][0] is not None]
        of_models = np.mean([low <= true[which] <= high for true, low, high, which in rows])
        of_recipe = np.mean([low <= recipe[which] <= high for _, low, high, which in rows])
        result[name] = (float(of_models), float(of_recipe), float(np.mean([high - low for _, low, high, _ in rows])))
    return result


def correlation() -> float:
    """The intra-class correlation of being right, by a classifier fitted to 2,000 other groups."""
    generator = np.random.default_rng(1)
    pictures = sample(2000, 60, generator)
    weights = fit(sample(2000, 60, generator), slice(None))  # type: ignore[arg-type]
    right = is_right(pictures, weights, np.arange(len(pictures.signs))).astype(float).reshape(2000, 60)
    between, within = 60 * right.mean(axis=1).var(ddof=1), right.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + 59 * within))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=500, help="data sets of each line")
    parser.add_argument("--nested", action="store_true", help="nested cross-validation too; slow")
    parser.add_argument("--groups", type=int, nargs="+", choices=list(SIZES), default=list(SIZES), help="lines")
    arguments = parser.parse_args()
    print(f"ICC of being right {correlation():.2f}; {arguments.runs} data sets a line")
    print("| groups | method | holds these models' figure | holds the recipe's | mean width |\n|---|---|---|---|---|")
    for num_groups in arguments.groups:
        per_group = SIZES[num_groups]
        started = time.perf_counter()
        for name, (models, recipe, width) in measure(num_groups, per_group, arguments.runs, arguments.nested).items():
            print(f"| {num_groups} | {name} | {100 * models:.1f} % | {100 * recipe:.1f} % | {width:.3f} |", flush=True)
        print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    run_main(main)
