"""How often do the gates promote a model that is not better, and one that is? Is the power they state right?

    python -m benchmarks.promotion [--runs 300] [--samples 372]

Two models of two classes (31 % of the second), whose mistakes are correlated, compared on the same test pictures. A
challenger is as good as the champion, worse or better, by a known number of points of accuracy. The first table has
pictures that are a group each. In the second they are in few groups of uneven sizes (lognormal, the largest several
times the smallest), and what is hard for a model is alike within a group (ICC 0.3), for both models in common and for
each alone. It says for how many of 100 challengers

* `superior` passes, and the rule "a gain above 0" would;
* the power that `superior` states is true: the mean of what it says for a gain of 3 points is next to how often a gain
  of 3 points is shown;
* `not_inferior` passes, with a margin of 1 point, where the challenger has seen newer data;
* `no_worse_part` and `calibration` refuse (for an equal model that is a mistake);
* all gates together promote, without newer data and with it.

The last lines put 20 equal challengers in a row before the gates, all on one test set: how many are promoted, and by
how much the figure of the last champion flatters it.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import positive, run_main
from pipeline.core.evaluation_contracts import Contender, Contest, Gate
from pipeline.core.predictions import Predictions
from pipeline.evaluation.gates.calibration import Calibration
from pipeline.evaluation.gates.no_worse_part import NoWorsePart
from pipeline.evaluation.gates.not_inferior import NotInferior
from pipeline.evaluation.gates.superior import Superior
from pipeline.evaluation.metrics.accuracy import Accuracy
from pipeline.evaluation.promotion_policy import decide_promotion

ACCURACY = 0.85
POINTS = (-8.0, -5.0, -2.9, -1.4, -0.7, 0.0, 1.5, 3.0, 6.0)  # of accuracy, challenger less champion
POINTS_IN_GROUPS = (-5.0, -2.0, 0.0, 3.0, 6.0)
GROUPS = (6, 12, 34)
ICC = 0.3
UNEVENNESS = 0.8  # standard deviation of the logarithm of the size of a group
ROW = 20  # challengers on one test set
RESAMPLES = 500
GATES: dict[str, Gate] = {
    "superior": Superior(
        metric="accuracy", min_gain=0.0, min_samples=50, power_for=0.03, num_resamples=RESAMPLES, seed=0
    ),
    "not_inferior": NotInferior(
        metric="accuracy", margin=0.01, min_new=1, min_slice=20, min_samples=50, num_resamples=RESAMPLES, seed=0
    ),
    "no_worse_part": NoWorsePart(min_slice=20, tolerance=0.01, num_resamples=RESAMPLES, seed=0),
    "calibration": Calibration(tolerance=0.01, max_error=None, num_resamples=RESAMPLES, seed=0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class TestPart:
    """Test pictures: their labels, groups, site (four, for slices), and how hard each is for every model."""

    labels: np.ndarray
    groups: np.ndarray
    sites: np.ndarray
    hard: np.ndarray


def make_test_part(num: int, groups: np.ndarray, icc: float, generator: np.random.Generator) -> TestPart:
    return TestPart(
        labels=generator.random(num) < 0.31,
        groups=groups,
        sites=generator.integers(0, 4, num),
        hard=within_groups(groups, icc, generator),
    )


def within_groups(groups: np.ndarray, icc: float, generator: np.random.Generator) -> np.ndarray:
    """(N,) standard normal numbers whose correlation within a group is `icc`."""
    of_groups = generator.standard_normal(groups.max() + 1)[groups]
    return np.sqrt(icc) * of_groups + np.sqrt(1 - icc) * generator.standard_normal(len(groups))


def uneven_groups(num: int, num_groups: int, generator: np.random.Generator) -> np.ndarray:
    """(N,) numbers of groups of lognormal sizes, at least one picture each."""
    sizes = generator.lognormal(0.0, UNEVENNESS, num_groups)
    rest = generator.choice(num_groups, num - num_groups, p=sizes / sizes.sum())
    return np.concatenate([np.arange(num_groups), rest])


def predict(test: TestPart, accuracy: float, icc: float, generator: np.random.Generator) -> Predictions:
    """Predictions of a model of this accuracy; half of what decides is how hard the picture is for every model."""
    from scipy.stats import norm

    noise = np.sqrt(0.5) * test.hard + np.sqrt(0.5) * within_groups(test.groups, icc, generator)
    right = noise < norm.ppf(accuracy)
    decided = np.where(right, test.labels, ~test.labels)
    eye, names = np.eye(2), np.arange(len(right)).astype(str)
    surety = np.clip(0.85 - 0.1 * noise, 0.55, 0.99)[:, None]
    own = eye[decided.astype(int)]
    return Predictions(
        sample_ids=names,
        groups=test.groups.astype(str),
        targets=eye[test.labels.astype(int)],
        decided=own.astype(bool),
        scores=surety * own + (1 - surety) * (1 - own),
        classes=["0", "1"],
    )


def make_contest(test: TestPart, challenger: Predictions, champion: Predictions, num_new: int) -> Contest:
    return Contest(
        challenger=Contender(predictions=challenger, findings={}, data_hash="new"),
        champion=Contender(predictions=champion, findings={}, data_hash="old"),
        metrics={"accuracy": Accuracy()},
        figures={},
        is_exclusive=True,
        attributes=pd.DataFrame({"sample_id": challenger.sample_ids, "attr_site": test.sites.astype(str)}),
        num_new=num_new,
    )


def count(
    points: float, runs: int, samples: int, num_groups: int | None, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
    """How often each column of the second table came true, and the mean power stated for 3 points."""
    counts, powers = np.zeros(7), []
    icc = ICC if num_groups else 0.0
    for _ in range(runs):
        groups = uneven_groups(samples, num_groups, generator) if num_groups else np.arange(samples)
        test = make_test_part(samples, groups, icc, generator)
        champion = predict(test, ACCURACY, icc, generator)
        challenger = predict(test, ACCURACY + points / 100, icc, generator)
        plain, newer = (make_contest(test, challenger, champion, num_new) for num_new in (0, 1))
        verdict, with_new = decide_promotion(GATES, plain), decide_promotion(GATES, newer)
        of_gate = {one.name: one.result.outcome for one in with_new.gates}
        superior = with_new.gates[0].result
        gain = challenger.is_right.mean() - champion.is_right.mean()
        counts += [
            superior.outcome == "passed",
            gain > 0,
            of_gate["not_inferior"] == "passed",
            of_gate["no_worse_part"] == "refused",
            of_gate["calibration"] == "refused",
            verdict.promote,
            with_new.promote,
        ]
        power = superior.figures.get("power")
        if isinstance(power, float):
            powers.append(power)
    return 100 * counts / runs, 100 * float(np.mean(powers)) if powers else float("nan")


def rows(runs: int, samples: int, generator: np.random.Generator) -> Iterator[str]:
    """Both tables, line by line."""
    columns = "superior | gain above 0 | not_inferior | no_worse_part refuses | calibration refuses | promoted | newer"
    yield f"| groups | points | {columns} | stated power for +3 |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for num_groups, all_points in ((None, POINTS), *((one, POINTS_IN_GROUPS) for one in GROUPS)):
        for points in all_points:
            found, power = count(points, runs, samples, num_groups, generator)
            shares = " | ".join(f"{one:.1f}" for one in found)
            yield f"| {num_groups or samples} | {points:+.1f} | {shares} | {power:.0f} |"


def put_in_a_row(runs: int, samples: int, by_gates: bool, generator: np.random.Generator) -> str:
    """How many of 20 equal challengers on one test set are promoted, and how much the last figure flatters."""
    promotions, flattery = 0, []
    for _ in range(runs):
        test = make_test_part(samples, np.arange(samples), 0.0, generator)
        champion = predict(test, ACCURACY, 0.0, generator)
        for _ in range(ROW):
            challenger = predict(test, ACCURACY, 0.0, generator)
            is_above = challenger.is_right.mean() > champion.is_right.mean()
            contest = make_contest(test, challenger, champion, 0)
            if decide_promotion(GATES, contest).promote if by_gates else is_above:
                champion, promotions = challenger, promotions + 1
        flattery.append(champion.is_right.mean() - ACCURACY)
    return f"{promotions / runs:.1f} promotions, {100 * np.mean(flattery):+.1f} points"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=300, help="pairs of models a line")
    parser.add_argument("--samples", type=positive, default=372, help="test pictures, at least 50")
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}; {arguments.runs} pairs a line, {arguments.samples} test pictures; of 100")
    for line in rows(arguments.runs, arguments.samples, generator):
        print(line, flush=True)
    for name, by_gates in (("gates", True), ("a gain above 0", False)):
        found = put_in_a_row(max(1, arguments.runs // 10), arguments.samples, by_gates, generator)
        print(f"{ROW} equal challengers in a row, by {name}: {found}", flush=True)


if __name__ == "__main__":
    run_main(main)
