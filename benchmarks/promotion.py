"""How often does the gate promote a model that is not better, and one that is?

    python -m benchmarks.promotion [--runs 300] [--samples 372]

Two models of two classes (31 % of the second), whose mistakes are correlated, compared on the same test pictures by
the gate `Better`. A challenger is as good as the champion, worse or better, by a known number of points of accuracy.
The former rule (a gain above 0) is also shown, and the rule for a challenger with a class more: the test pictures are
then those of the classes of both, and those that it takes for the new class are mistakes. The last lines put 20 equal
challengers in a row before the gate, all on one test set: how many are promoted, and by how much the figure of the last
champion flatters it.
"""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import replace

import numpy as np

from benchmarks import positive, run_main
from pipeline.core.predictions import Predictions
from pipeline.core.results import Verdict
from pipeline.evaluation.gates.better import Better
from pipeline.evaluation.metrics.accuracy import Accuracy

ACCURACY = 0.85
POINTS = (-8.0, -5.0, -2.9, -1.4, -0.7, 0.0, 1.5, 3.0, 6.0)  # of accuracy, challenger less champion
ROW = 20  # challengers on one test set


def predictions(labels: np.ndarray, right: np.ndarray) -> Predictions:
    decided = np.where(right, labels, ~labels)
    eye = np.eye(2)
    return Predictions(
        sample_ids=np.arange(len(labels)).astype(str),
        groups=np.arange(len(labels)).astype(str),
        targets=eye[labels.astype(int)],
        decided=eye[decided.astype(int)].astype(bool),
        scores=0.8 * eye[decided.astype(int)] + 0.1,
        classes=["0", "1"],
    )


def with_a_class_more(challenger: Predictions) -> Predictions:
    """The same model with a third class, which it takes its mistakes for; no common picture shows it."""
    mistakes = ~challenger.is_right
    decided = np.column_stack([challenger.decided & ~mistakes[:, None], mistakes])
    column = np.zeros((len(challenger), 1))
    return replace(
        challenger,
        targets=np.hstack([challenger.targets, column]),
        decided=decided,
        scores=0.8 * decided + 0.1,
        classes=[*challenger.classes, "2"],
    )


def right(hard: np.ndarray, accuracy: float, generator: np.random.Generator) -> np.ndarray:
    """(N,) which pictures a model gets right: half of what decides is how hard the picture is for every model."""
    from scipy.stats import norm

    noise = np.sqrt(0.5) * hard + np.sqrt(0.5) * generator.standard_normal(len(hard))
    return noise < norm.ppf(accuracy)


def gate(min_gain: float = 0.0) -> Better:
    return Better(
        metric=Accuracy(), min_gain=min_gain, min_gain_of_shared=-0.05, min_samples=50, num_resamples=500, seed=0
    )


def gained(verdict: Verdict) -> bool:
    return bool(verdict.evidence["gain"].value > 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=300, help="pairs of models a line")
    parser.add_argument("--samples", type=positive, default=372, help="test pictures, at least 50")
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}; {arguments.runs} pairs a line, {arguments.samples} test pictures")
    print("| challenger, points of accuracy | promoted | min_gain -0.02 | a class more | a gain above 0, formerly |")
    print("|---|---|---|---|---|")
    for points in POINTS:
        counts = np.zeros(4)
        for _ in range(arguments.runs):
            labels, hard = generator.random(arguments.samples) < 0.31, generator.standard_normal(arguments.samples)
            champion = predictions(labels, right(hard, ACCURACY, generator))
            challenger = predictions(labels, right(hard, ACCURACY + points / 100, generator))
            strict, lenient = gate()(challenger, champion), gate(-0.02)(challenger, champion)
            added = gate()(with_a_class_more(challenger), champion)
            counts += [strict.promote, lenient.promote, added.promote, gained(strict)]
        print(
            f"| {points:+.1f} | " + " | ".join(f"{100 * one / arguments.runs:.1f} %" for one in counts) + " |",
            flush=True,
        )
    for name, rule in (("gate", lambda verdict: verdict.promote), ("a gain above 0", gained)):
        promotions, flattery = 0, []
        for _ in range(max(1, arguments.runs // 10)):
            labels, hard = generator.random(arguments.samples) < 0.31, generator.standard_normal(arguments.samples)
            champion = predictions(labels, right(hard, ACCURACY, generator))
            for _ in range(ROW):
                challenger = predictions(labels, right(hard, ACCURACY, generator))
                if rule(gate()(challenger, champion)):
                    champion, promotions = challenger, promotions + 1
            figure = champion.is_right.mean()
            flattery.append(figure - ACCURACY)
        mean = f"{promotions / len(flattery):.1f} promotions, {100 * np.mean(flattery):+.1f} points"
        print(f"{ROW} equal challengers in a row, by {name}: {mean}")


if __name__ == "__main__":
    run_main(main)
