"""Do 95 % intervals hold the truth in 95 of 100 cases, with few groups and with few mistakes?

    python -m benchmarks.coverage [--runs 1000] [--only name ...]

Draws test sets from a population of groups, each with its own prevalence, its own shift of the scores and its own
skill, judges each by `estimates.judge`, as `evaluate` does, and counts how often the interval holds the figure of the
whole population. The percentile bootstrap over groups, which Colibri had before, is shown for comparison. ICC is
that of being right: how much more two pictures of one group agree than two of different ones. 31 % of the pictures are
of the second of two classes. The last column is the paired gain in macro F1 of a second model, whose scores share most
of their noise with the first one's.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from benchmarks import positive, run_main
from pipeline.core.predictions import Predictions
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.metrics.balanced_accuracy import BalancedAccuracy
from pipeline.evaluation.metrics.ranking import Ranking
from pipeline.evaluation.metrics.rate import Rate
from pipeline.evaluation.paired_comparison import PairedPredictions
from pipeline.statistics.bootstrap import Bootstrap

F1 = Rate(number="f1", averaging="macro")
METRICS = {
    "accuracy": Accuracy(),
    "balanced": BalancedAccuracy(),
    "macro F1": F1,
    "AUROC": Ranking(number="auroc", averaging="macro"),
}
PREVALENCE = 0.31
NUM_RESAMPLES = 400  # behind each bootstrap interval
BOOTSTRAP = Bootstrap(num_resamples=NUM_RESAMPLES, seed=0)
NUM_POPULATION = 20_000  # groups of 60 that stand for the population


@dataclass(frozen=True, kw_only=True)
class Population:
    """Groups of pictures of two classes, whose scores are normal.

    Attributes:
        distance: Half of the distance between the classes, in standard deviations within a class.
        label_icc: Of the label: 0 gives each group the same prevalence.
        shift: Standard deviation between groups of what is added to all scores of a group.
        skill: Standard deviation between groups of the logarithm of the distance.
    """

    distance: float
    label_icc: float = 0.4
    shift: float = 0.0
    skill: float = 0.0

    def draw(self, sizes: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels (N,) bool, scores (N, 2) of two models, above 0 for the second class, and groups (N,)."""
        groups, num = np.repeat(np.arange(len(sizes)), sizes), len(sizes)
        shares = np.full(num, PREVALENCE)
        if self.label_icc > 0:
            spread = (1 - self.label_icc) / self.label_icc
            shares = generator.beta(PREVALENCE * spread, (1 - PREVALENCE) * spread, size=num)
        labels = generator.random(len(groups)) < shares[groups]
        middle = np.where(labels, 1, -1) * (self.distance * np.exp(self.skill * generator.standard_normal(num)))[groups]
        middle = middle + self.shift * generator.standard_normal(num)[groups]
        noise = generator.standard_normal((len(groups), 3))
        return labels, middle[:, None] + 0.8 * noise[:, :1] + 0.6 * noise[:, 1:], groups


ICC = {  # of being right, measured and printed
    "0.01": Population(distance=1.1, shift=0.12, skill=0.1),
    "0.10": Population(distance=1.1, shift=0.55, skill=0.4),
    "0.24": Population(distance=1.1, shift=1.0, skill=0.7),
}
ALONE = Population(distance=1.1, label_icc=0.0)
ELPV = np.array([60, 120, 60, 12, 60, 60])  # the groups of the default test split
SITUATIONS = {
    **{f"{num} pictures, each its own group": (np.ones(num, dtype=int), ALONE) for num in (100, 400)},
    **{
        f"{num} pictures, few mistakes": (np.ones(num, dtype=int), replace(ALONE, distance=2.2))
        for num in (100, 200, 400, 1000)
    },
    **{f"{num} groups, ICC {icc}": (np.full(num, 360 // num), one) for icc, one in ICC.items() for num in (6, 12, 40)},
    **{f"ELPV's 6 sizes, ICC {icc}": (ELPV, one) for icc, one in ICC.items()},
    **{f"34 groups, ICC {icc}": (np.full(34, 74), one) for icc, one in ICC.items()},
    "6 groups of 60, few mistakes": (np.full(6, 60), replace(ICC["0.01"], distance=2.2)),
    "8 groups of 20 to 1,000, ICC 0.10": (np.array([20, 30, 50, 80, 120, 200, 400, 1000]), ICC["0.10"]),
    "150 groups, ICC 0.10": (np.full(150, 6), ICC["0.10"]),
    "4 groups, ICC 0.10": (np.full(4, 90), ICC["0.10"]),
}


def matrices(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets (N, 2), decisions (N, 2) bool and probabilities (N, 2) of one model."""
    eye, chance = np.eye(2), 1 / (1 + np.exp(-scores))
    return eye[labels.astype(int)], eye[(scores > 0).astype(int)].astype(bool), np.stack([1 - chance, chance], axis=1)


@cache
def truth(population: Population) -> tuple[dict[str, float], float]:
    """The figures of the whole population, and the ICC of being right (one-way analysis of variance)."""
    sizes = np.full(NUM_POPULATION, 60)
    labels, scores, _ = population.draw(sizes, np.random.default_rng(12345))
    ones = np.ones((1, len(labels)))
    found = [
        {name: float(one(*matrices(labels, model), ones)[0]) for name, one in METRICS.items()} for model in scores.T
    ]
    figures = {**found[0], "gain": found[1]["macro F1"] - found[0]["macro F1"]}
    right = ((scores[:, 0] > 0) == labels).astype(float).reshape(len(sizes), -1)
    between, within = 60 * right.mean(axis=1).var(ddof=1), right.var(axis=1, ddof=1).mean()
    return figures, (between - within) / (between + 59 * within)


def percentile(
    data: tuple[np.ndarray, ...], groups: np.ndarray, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """The interval of each metric as the percentile bootstrap over groups gives it."""
    codes = np.unique(groups, return_inverse=True)[1]
    num = int(codes.max()) + 1
    weights = generator.multinomial(num, np.full(num, 1 / num), size=NUM_RESAMPLES)[:, codes].astype(float)
    return {name: np.nanquantile(one(*data, weights), [0.025, 0.975]) for name, one in METRICS.items()}


def predictions(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> Predictions:
    targets, decided, chances = matrices(labels, scores)
    return Predictions(
        sample_ids=np.arange(len(labels)).astype(str),
        groups=groups.astype(str),
        targets=targets,
        decided=decided,
        scores=chances,
        classes=["0", "1"],
    )


def measure(sizes: np.ndarray, population: Population, runs: int) -> pd.DataFrame:
    """A row per run and figure: whether the interval of today and the former one held the truth, their widths."""
    generator, (figures, _) = np.random.default_rng(0), truth(population)
    rows = []
    while len(rows) < runs * (len(METRICS) + 1):
        labels, scores, groups = population.draw(sizes, generator)
        if labels.all() or not labels.any():
            continue
        data = matrices(labels, scores[:, 0])
        first, second = (predictions(labels, scores[:, model], groups) for model in (0, 1))
        today = estimate_metrics(METRICS, first, BOOTSTRAP)
        before = percentile(data, groups, generator)
        for name, one in today.items():
            rows.append(row(name, figures[name], (one.low, one.high), tuple(before[name])))
        pair = PairedPredictions.match(second, first)
        assert pair is not None
        gain = pair.paired_differences({"gain": F1}, BOOTSTRAP)["gain"].gain
        rows.append(row("gain", figures["gain"], (gain.low, gain.high), (np.nan, np.nan)))
    return pd.DataFrame(rows)


def row(name: str, true: float, today: tuple, before: tuple) -> dict[str, object]:
    known = today[0] is not None
    return {
        "figure": name,
        "covers": float(today[0] <= true <= today[1]) if known else np.nan,
        "width": today[1] - today[0] if known else np.nan,
        "before": float(before[0] - 1e-12 <= true <= before[1] + 1e-12) if np.isfinite(before[0]) else np.nan,
    }


def cell(covers: float, width: float, before: float) -> str:
    if np.isnan(covers):
        return "-"
    return f"{100 * covers:.1f} ({width:.3f}{'' if np.isnan(before) else f'; {100 * before:.1f}'})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=1000, help="test sets of each line")
    parser.add_argument(
        "--only", nargs="+", choices=list(SITUATIONS), default=list(SITUATIONS), help="lines of the table"
    )
    arguments = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}; {arguments.runs} test sets a line")
    print("coverage in % (mean width; percentile bootstrap's coverage); - where no interval is given")
    print("| situation | ICC |" + "".join(f" {name} |" for name in (*METRICS, "paired gain")) + " s |")
    print("|---|---|" + "---|" * (len(METRICS) + 2))
    for name in arguments.only:
        started, (sizes, population) = time.perf_counter(), SITUATIONS[name]
        table = measure(sizes, population, arguments.runs).groupby("figure", sort=False).mean()
        cells = [cell(one.covers, one.width, one.before) for one in table.itertuples()]
        icc = truth(population)[1]
        print(f"| {name} | {icc:.2f} | {' | '.join(cells)} | {time.perf_counter() - started:.0f} |", flush=True)


if __name__ == "__main__":
    run_main(main)
