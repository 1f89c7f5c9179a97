"""Do automatic labels keep their promise, and how many do they give?

    python -m benchmarks.autolabel [--runs 30] [--populations 300]

First the digits of scikit-learn: 400 of train, 300 labelled ones of val, the other 1,097 to be labelled by a logistic
regression, at several aims. `weak` is trained on pictures with noise, so that it is wrong more often. Then populations
whose error above each threshold is known: even and uneven classes, few labels, groups of samples that are wrong
together. A promise is false where the error of the population above the chosen threshold is larger than the aim, which
may happen in 5 of 100 runs. `no correction` takes the lowest threshold whose bound holds, of all that were looked at;
`no groups` takes each sample of a group as independent. At last the coverage of the accuracy in production with few
answers that people looked at.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass

import numpy as np

from benchmarks import positive, run_main
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.risk_control import (
    LabelledScores,
    candidate_thresholds,
    choose_threshold,
    upper_bound,
)
from pipeline.statistics.weighted_share import weighted_accuracy

CONFIDENCE = 0.95
BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
NUM_TRAIN, NUM_VAL = 400, 300
NUM_POPULATION, NUM_OPEN = 400_000, 1000


@dataclass(frozen=True, kw_only=True)
class Population:
    """Samples whose mistakes are rarer where the score is higher.

    Attributes:
        num_groups: Labelled groups.
        size: Mean samples of a group.
        spread: Standard deviation between groups of the logit of a mistake.
        rare: Share of samples of a rare class, on which mistakes are 4 times as likely at the same score.
    """

    num_groups: int
    size: int = 1
    spread: float = 0.0
    rare: float = 0.0

    def draw(self, generator: np.random.Generator, num_groups: int) -> LabelledScores:
        sizes = np.ones(num_groups, dtype=int) if self.size == 1 else 1 + generator.poisson(self.size - 1, num_groups)
        groups = np.repeat(np.arange(num_groups), sizes)
        scores = generator.beta(3, 1, len(groups))
        logits = 1.5 + generator.normal(0, self.spread, num_groups)[groups] - 6 * scores
        logits += np.log(4) * (generator.random(len(groups)) < self.rare)
        return LabelledScores(
            scores=scores, wrong=generator.random(len(groups)) < 1 / (1 + np.exp(-logits)), groups=groups
        )


POPULATIONS = {
    "100 labels": Population(num_groups=100),
    "300 labels": Population(num_groups=300),
    "1,000 labels": Population(num_groups=1000),
    "3,000 labels": Population(num_groups=3000),
    "300 labels, a rare class": Population(num_groups=300, rare=0.1),
    "1,000 labels, a rare class": Population(num_groups=1000, rare=0.1),
    "30 groups of 10": Population(num_groups=30, size=10, spread=1.0),
    "100 groups of 5": Population(num_groups=100, size=5, spread=1.0),
    "300 groups of 5": Population(num_groups=300, size=5, spread=1.0),
    "300 groups of 5, alike": Population(num_groups=300, size=5, spread=2.0),
}


def measure_digits(runs: int) -> None:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    pictures, labels = load_digits(return_X_y=True)
    print("| model | aim | labelled | error of these | above the aim | nothing labelled | error of all |")
    print("|---|---|---|---|---|---|---|")
    for name, noise in (("logistic regression", 0.0), ("weak", 0.2)):
        results: dict[float, list[tuple[float, float]]] = {0.02: [], 0.05: [], 0.1: []}
        errors = []
        for seed in range(runs):
            generator = np.random.default_rng(seed)
            seen = pictures / 16 + generator.normal(0, noise, pictures.shape)
            train, val, rest = np.split(generator.permutation(len(labels)), [NUM_TRAIN, NUM_TRAIN + NUM_VAL])
            model = LogisticRegression(max_iter=500).fit(seen[train], labels[train])
            (top, wrong), (top_rest, wrong_rest) = (
                (found.max(axis=1), found.argmax(axis=1) != labels[rows])
                for rows, found in ((rows, model.predict_proba(seen[rows])) for rows in (val, rest))
            )
            errors.append(wrong_rest.mean())
            labelled = LabelledScores(scores=top, wrong=wrong, groups=np.arange(NUM_VAL))
            for aim, found in results.items():
                chosen = choose_threshold(labelled, top_rest, aim, CONFIDENCE, BOOTSTRAP).chosen
                taken = top_rest >= chosen.threshold if chosen else np.zeros(len(rest), dtype=bool)
                found.append((taken.mean(), wrong_rest[taken].mean() if taken.any() else np.nan))
        for aim, found in results.items():
            shares, wrong_shares = np.array(found).T
            nothing, above = np.isnan(wrong_shares), wrong_shares > aim
            of_labelled = "-" if nothing.all() else f"{np.nanmean(wrong_shares):.1%}"
            print(
                f"| {name} | {aim:.0%} | {shares.mean():.0%} | {of_labelled} | {above.sum()} of {runs} | "
                f"{nothing.sum()} of {runs} | {np.mean(errors):.1%} |",
                flush=True,
            )


def measure_population(name: str, population: Population, aim: float, runs: int) -> None:
    whole = population.draw(np.random.default_rng(9), NUM_POPULATION // population.size)
    order = np.argsort(-whole.scores)
    running = np.cumsum(whole.wrong[order]) / np.arange(1, len(order) + 1)
    descending = -whole.scores[order]

    def error(threshold: float) -> float:
        return float(running[max(0, int(np.searchsorted(descending, -threshold, side="right")) - 1)])

    generator = np.random.default_rng(0)
    false, shares, uncorrected, ungrouped = 0, [], 0, 0
    for _ in range(runs):
        labelled = population.draw(generator, population.num_groups)
        rest = generator.beta(3, 1, NUM_OPEN)
        chosen = choose_threshold(labelled, rest, aim, CONFIDENCE, BOOTSTRAP).chosen
        false += chosen is not None and error(chosen.threshold) > aim
        shares.append(0.0 if chosen is None else float((rest >= chosen.threshold).mean()))
        alone = LabelledScores(scores=labelled.scores, wrong=labelled.wrong, groups=np.arange(len(labelled.scores)))
        without = choose_threshold(alone, rest, aim, CONFIDENCE, BOOTSTRAP).chosen
        ungrouped += without is not None and error(without.threshold) > aim
        lowest = lowest_that_holds(alone, rest, aim)
        uncorrected += lowest is not None and error(lowest) > aim
    allowed = float((running <= aim).mean())
    print(
        f"| {name} | {aim:.0%} | {false / runs:.1%} | {np.mean(shares):.0%} | {allowed:.0%} | "
        f"{np.mean(np.array(shares) == 0):.0%} | {uncorrected / runs:.1%} | {ungrouped / runs:.1%} |",
        flush=True,
    )


def lowest_that_holds(labelled: LabelledScores, rest: np.ndarray, aim: float) -> float | None:
    """The lowest threshold whose bound holds by itself: what a correction is against."""
    found = None
    for threshold in candidate_thresholds(rest):
        is_above = labelled.scores >= threshold
        if upper_bound(float(labelled.wrong[is_above].sum()), int(is_above.sum()), CONFIDENCE) <= aim:
            found = float(threshold)
    return found


def measure_production(runs: int) -> None:
    print("| accuracy | looked at | chances | coverage of 95 % | mean width |")
    print("|---|---|---|---|---|")
    generator, number = np.random.default_rng(1), 20_000
    first = np.arange(number) < number // 2
    for accuracy in (0.8, 0.95, 0.99):
        for looked_at in (15, 40, 100, 300):
            for name, factor in (("equal", 1.0), ("1 to 4", 0.4)):
                chances = np.where(first, factor, 2 - factor) * looked_at / number
                covered, widths = [], []
                for _ in range(runs):
                    right = generator.random(number) < np.where(first, accuracy + 0.01, accuracy - 0.01)
                    picked = generator.random(number) < chances
                    found = weighted_accuracy(
                        right[picked], chances[picked], np.arange(int(picked.sum())).astype(str), BOOTSTRAP
                    )
                    if found.low is not None and found.high is not None:
                        covered.append(found.low <= right.mean() <= found.high)
                        widths.append(found.high - found.low)
                print(
                    f"| {accuracy:.0%} | {looked_at} | {name} | {np.mean(covered):.1%} | {np.mean(widths):.3f} |",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=30, help="of the digits")
    parser.add_argument("--populations", type=positive, default=300, help="runs of each population")
    arguments = parser.parse_args()
    started = time.process_time()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    measure_digits(arguments.runs)
    print("| population | aim | false promises | labelled | truth allows | nothing | no correction | no groups |")
    print("|---|---|---|---|---|---|---|---|")
    for name, population in POPULATIONS.items():
        for aim in (0.05, 0.1):
            measure_population(name, population, aim, arguments.populations)
    measure_production(arguments.populations)
    print(f"{time.process_time() - started:.0f} CPU seconds")


if __name__ == "__main__":
    run_main(main)
