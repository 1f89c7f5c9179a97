"""What each strategy of conf/query/ is worth on a project, over other pools and other samples to measure on.

    python -m benchmarks.query_strategies [--repeats 24] [--budgets 20 50 100 200 300] [--strategies margin typical]

Type it in a project that ran up to embed. `colibri simulate-labelling` measures on val as it is, which may be small.
Here each repeat takes other groups of train and val as the pool, six tenths of the samples, and measures on the rest.
Test is not read. Prints balanced accuracy in points above random labels, and its standard error over repeats.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks import positive, run_main
from pipeline.core import config
from pipeline.core.choices import is_exclusive
from pipeline.evaluation.label_efficiency import LEADING, linear_figures
from pipeline.evaluation.labelling_curves import RANDOM
from pipeline.experiments.labelling_curves import build_strategies, take_labelled
from pipeline.labelling.pool import read_pool
from pipeline.labelling.queries.simulation import LabelledSamples, label_in_rounds

POOL_SHARE = 0.6


def divide(samples: LabelledSamples, repeats: int) -> Iterator[LabelledSamples]:
    """The same samples with other groups as the pool, in each repeat."""
    members = np.unique(samples.groups, return_inverse=True)[1]
    for repeat in range(repeats):
        turn = np.random.default_rng([7, repeat]).permutation(int(members.max()) + 1)[members]
        order = np.argsort(turn, kind="stable")
        num = int(np.searchsorted(turn[order], turn[order[int(POOL_SHARE * len(order))]]))
        parts = {name: getattr(samples, name)[order] for name in ("features", "labels", "groups")}
        yield replace(samples, num_train=num, **parts)


def measure(samples: LabelledSamples, rows: np.ndarray) -> float:
    """Balanced accuracy of a probe that is fitted to these rows."""
    hits = samples.measure(rows)[:, None].astype(np.float64)
    return float(linear_figures(hits, samples.codes, np.ones((1, len(hits))))[LEADING][0, 0])


def main(repeats: int, budgets: list[int], strategies: list[str]) -> None:
    params = config.load_params()
    whole = take_labelled(read_pool(params), is_exclusive(params), seed=0)
    divided = list(divide(whole, repeats))
    base: np.ndarray | None = None
    for name, strategy in {RANDOM: None, **build_strategies(strategies)}.items():
        start, found = time.process_time(), []
        for repeat, samples in enumerate(divided):
            order = np.random.default_rng([0, repeat]).permutation(samples.num_train)
            chosen = [order[:budget] for budget in budgets]
            if strategy is not None:
                chosen = label_in_rounds(strategy, samples, budgets, order, np.random.default_rng([1, repeat]))
            found.append([measure(samples, rows) for rows in chosen])
        figures = 100 * np.array(found)
        base = figures if base is None else base
        gains = figures - base
        errors = gains.std(axis=0, ddof=1) / np.sqrt(repeats)
        cells = [
            f"{value:5.1f} ({gain:+5.1f} +- {error:.1f})"
            for value, gain, error in zip(figures.mean(axis=0), gains.mean(axis=0), errors, strict=True)
        ]
        print(f"{name:20}", *cells, f"{time.process_time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=positive, default=24)
    parser.add_argument("--budgets", type=positive, nargs="+", default=[20, 50, 100, 200, 300])
    parser.add_argument("--strategies", nargs="+", default=[])
    run_main(lambda: main(**vars(parser.parse_args())))
