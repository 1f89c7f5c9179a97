"""Do the 95 % intervals of every metric hold the truth in 95 of 100 cases?

    python -m benchmarks.metric_coverage [--runs 500] [--only 6 12] [--kind labels] [--metric calibration_error]

Test sets of 360 pictures are taken from a population of groups, of four exclusive classes or of four labels, of which a
picture has any number. Each group has its own prevalence of the classes, its own shift of the scores and its own skill,
so that being right has an intraclass correlation (ICC) of 0.3, which is measured and printed; without groups there is
none. `estimate_metrics` gives the intervals, as in `evaluate`, and the truth is the figure of a population of 200,000
pictures. `benchmarks/coverage.py` has other situations, for a few metrics.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks import positive, run_main
from benchmarks.metrics import every_metric
from pipeline.core.evaluation_contracts import Metric
from pipeline.core.predictions import Predictions
from pipeline.evaluation.estimates import estimate_metrics
from pipeline.statistics.bootstrap import Bootstrap

NUM_CLASSES, NUM_PICTURES = 4, 360
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
BOOTSTRAP = Bootstrap(num_resamples=400, seed=0)
POPULATION = 200_000
KINDS = ("classes", "labels")  # one label a picture, or several
LEFT_OUT = ("top_5_accuracy",)  # undefined for four classes


@dataclass(frozen=True, kw_only=True)
class Population:
    """Groups of pictures.

    Attributes:
        several: Whether a picture may have several labels.
        spread: Of the prevalence between groups: 0 gives each group the same.
        shift: Standard deviation between groups of what is added to the logits, of each class
            or, of several labels, of all.
        skill: Standard deviation between groups of the logarithm of the distance between classes.
    """

    several: bool
    spread: float = 0.0
    shift: float = 0.0
    skill: float = 0.0

    def sample(self, sizes: np.ndarray, generator: np.random.Generator) -> Predictions:
        """Pictures of groups of these sizes."""
        groups, num = np.repeat(np.arange(len(sizes)), sizes), len(sizes)
        logits = np.log(SHARES) + self.spread * generator.standard_normal((num, NUM_CLASSES))
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        uniform = generator.random((len(groups), NUM_CLASSES))
        if self.several:
            targets = (uniform < chances[groups]).astype(float)
        else:
            found = (uniform[:, :1] > np.cumsum(chances, axis=1)[groups, :-1]).sum(axis=1)
            targets = np.eye(NUM_CLASSES)[found]
        distance = 2.2 * np.exp(self.skill * generator.standard_normal(num))[groups, None]
        shifts = self.shift * generator.standard_normal((num, 1 if self.several else NUM_CLASSES))
        shown = targets * distance + shifts[groups]
        shown = 1.5 * (shown + generator.standard_normal(shown.shape))
        if self.several:
            scores = 1 / (1 + np.exp(1.65 - shown))
            decided = scores >= 0.5
        else:
            scores = np.exp(shown) / np.exp(shown).sum(axis=1, keepdims=True)
            decided = np.eye(NUM_CLASSES, dtype=bool)[scores.argmax(axis=1)]
        return Predictions(
            sample_ids=np.arange(len(groups)).astype(str),
            groups=groups.astype(str),
            targets=targets,
            decided=decided,
            scores=scores,
            classes=[f"c{one}" for one in range(NUM_CLASSES)],
        )


GROUPED = {  # with an ICC of 0.3
    False: {"spread": 0.6, "shift": 1.35, "skill": 0.9},
    True: {"spread": 0.6, "shift": 1.25, "skill": 0.8},
}
SITUATIONS = {
    (several, num): (
        np.full(num, NUM_PICTURES // num),
        Population(several=several, **({} if num == NUM_PICTURES else GROUPED[several])),
    )
    for several in (False, True)
    for num in (NUM_PICTURES, 6, 12, 40)
}


def list_metrics(several: bool) -> dict[str, Metric]:
    """Every metric that fits; of those per class only what has no mean, since each class is like the others."""
    metrics = every_metric()
    return {
        name: one
        for name, one in metrics.items()
        if not one.per_class and name not in LEFT_OUT and not (several and one.exclusive)
    }


@cache
def truth(population: Population) -> tuple[dict[str, float], float]:
    """The figures of the population, and the ICC of being right (one-way analysis of variance)."""
    size = 60
    sample = population.sample(np.full(POPULATION // size, size), np.random.default_rng(12345))
    ones = np.ones((1, len(sample)))
    metrics = list_metrics(population.several)
    figures = {
        name: float(metric(sample.targets, sample.decided, sample.scores, ones)[0]) for name, metric in metrics.items()
    }
    right = sample.is_right.astype(float).reshape(-1, size)
    between, within = size * right.mean(axis=1).var(ddof=1), right.var(axis=1, ddof=1).mean()
    return figures, float((between - within) / (between + (size - 1) * within))


def measure(
    sizes: np.ndarray, population: Population, runs: int, metrics: dict[str, Metric]
) -> dict[str, tuple[float, float, float, float]]:
    """Metric to the share of intervals that hold the truth, that are above and below it, and their mean width."""
    generator, (figures, _) = np.random.default_rng(0), truth(population)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in metrics}
    for _ in range(runs):
        for name, one in estimate_metrics(metrics, population.sample(sizes, generator), BOOTSTRAP).items():
            if one.interval is not None:
                found[name].append(one.interval)
    result = {}
    for name, intervals in found.items():
        low, high = np.array(intervals).T
        above, below = np.mean(low > figures[name]), np.mean(high < figures[name])
        result[name] = (1 - above - below, above, below, float(np.mean(high - low)))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=500, help="test sets of each situation")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of groups")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS, help="of test sets")
    parser.add_argument("--metric", nargs="+", help="figures, as they are called in reports/metrics.json")
    arguments = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {arguments.runs} test sets"
    )
    for several in (False, True):
        if KINDS[several] not in arguments.kind:
            continue
        chosen = {
            num: one
            for (kind, num), one in SITUATIONS.items()
            if kind == several and (arguments.only is None or num in arguments.only)
        }
        started, columns = time.process_time(), {}
        fitting = list_metrics(several)
        metrics = {name: one for name, one in fitting.items() if name in (arguments.metric or fitting)}
        for num, (sizes, population) in chosen.items():
            columns[num] = measure(sizes, population, arguments.runs, metrics)
        icc = [f"{num} groups: {truth(population)[1]:.2f}" for num, (_, population) in chosen.items()]
        print(
            f"\nfour {KINDS[several]}; ICC of being right {', '.join(icc)}; "
            f"{time.process_time() - started:.0f} s of processor"
        )
        print("coverage in % (mean width; above the truth / below it)")
        print(
            "| metric | truth |" + "".join(f" {num} groups |" for num in chosen) + "\n|---|---|" + "---|" * len(chosen)
        )
        for name in metrics:
            cells = []
            for num in chosen:
                covers, above, below, width = columns[num][name]
                cells.append(f"{100 * covers:.1f} ({width:.3f}; {100 * above:.1f} / {100 * below:.1f})")
            true = [truth(population)[0][name] for _, population in chosen.values()]
            shown = f"{true[0]:.3f}" + (f", {true[1]:.3f}" if len(true) > 1 else "")
            print(f"| {name} | {shown} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    run_main(main)
