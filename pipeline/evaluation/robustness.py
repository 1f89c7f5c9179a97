"""The accuracy of a predictor on corrupted pictures of test, compared with the same pictures as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core import progress
from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Corruption
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.evaluation.paired_comparison import paired_difference
from pipeline.evaluation.severities import NUM_SEVERITIES
from pipeline.evaluation.slice_accuracy import estimate_accuracy, group_in_blocks, leave_out_blocks
from pipeline.statistics.bootstrap import Basis, Bootstrap, Replicates
from pipeline.statistics.systematic_sample import sample_evenly

CLEAN, ALL = "clean", "all"
COLUMNS = [
    *("corruption", "severity", "n", "groups", "value", "low", "high"),
    *("change", "change_low", "change_high", "caveat"),
]
CHUNK = 64  # samples corrupted at once
Decide = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (n, *spatial, C) uint8 and their n positions to (n,) bool


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the robustness test.

    Args:
        max_samples: Most test samples that are corrupted, at least 1; of more as many of each class as its share.
        seed: Seed of the choice of samples and of the corruptions.
    """

    max_samples: PositiveInt
    seed: Seed


def choose_samples(labels: list[list[str]], max_samples: int, seed: int) -> np.ndarray:
    """(n,) positions, ascending: all, or `max_samples` of them, each class by its share.

    Args:
        labels: Of each sample, sorted.
        max_samples: At least 1.
        seed: Of the choice.
    """
    codes = np.unique([repr(one) for one in labels], return_inverse=True)[1]
    return sample_evenly(codes, max_samples, seed)


def corrupt(
    images: np.ndarray, corruption: Corruption, severity: int, name: str, seed: int, positions: np.ndarray
) -> np.ndarray:
    """The corrupted samples at some positions; the random numbers are equal at all severities.

    Args:
        images: (N, *spatial, C) uint8.
        corruption: What happens.
        severity: 1 to 5.
        name: Of the corruption, part of the seed.
        seed: The other part.
        positions: Of at most `CHUNK` samples.
    """
    generator = np.random.default_rng([seed, int(positions[0]), *name.encode()])
    return corruption(np.ascontiguousarray(images[positions]), severity, generator)


def measure_rightness(
    images: np.ndarray, rows: np.ndarray, corruptions: Mapping[str, Corruption], decide: Decide, seed: int
) -> dict[tuple[str, int], np.ndarray]:
    """Corruption and severity to (n,) bool, whether each sample is decided rightly; ("clean", 0) comes first.

    Args:
        images: (N, *spatial, C) uint8, which may be on disk.
        rows: (n,) positions of the samples.
        corruptions: Name to corruption.
        decide: Says of some samples and their positions whether the decision is right.
        seed: Of the random numbers.
    """
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    cases = [(CLEAN, 0), *((name, severity) for name in corruptions for severity in range(1, NUM_SEVERITIES + 1))]
    found = {}
    with progress.show("perturb", len(cases) * len(rows), "pictures") as bar:
        for name, severity in cases:
            parts = []
            for positions in chunks:
                changed = (
                    np.ascontiguousarray(images[positions])
                    if name == CLEAN
                    else corrupt(images, corruptions[name], severity, name, seed, positions)
                )
                parts.append(decide(changed, positions))
                if bar is not None:
                    bar.advance(len(positions), what=f"perturb: {name} {severity}" if severity else "perturb: clean")
            found[name, severity] = np.concatenate(parts)
    return found


def robustness_table(rightness: Mapping[tuple[str, int], np.ndarray], groups: np.ndarray, seed: int) -> pd.DataFrame:
    """A row for each corruption and severity: the accuracy, and its change against the clean samples, paired.

    Args:
        rightness: Of `measure_rightness`.
        groups: (n,) of each sample.
        seed: Of the blocks that more than 100 groups are put into.

    Returns:
        `corruption`, `severity` (0 of clean), `n`, `groups`, `value`, `low`, `high`, `change` (a difference, negative
        for a loss), `change_low`, `change_high`, `caveat`.
    """
    clean, rows = rightness[CLEAN, 0].astype(np.float64), []
    codes = np.unique(groups, return_inverse=True)[1]
    for (name, severity), is_right in rightness.items():
        accuracy = estimate_accuracy(is_right, codes, Bootstrap(num_resamples=1, seed=seed))
        change = None if name == CLEAN else _estimate_change(is_right, clean, codes, seed, relative=False)
        rows.append(
            {"corruption": name, "severity": severity, "n": accuracy.n, "groups": accuracy.groups}
            | {key: getattr(accuracy, key) for key in ("value", "low", "high", "caveat")}
            | {"change": change and change.value, "change_low": change and change.low}
            | {"change_high": change and change.high}
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def summarize_robustness(
    rightness: Mapping[tuple[str, int], np.ndarray], groups: np.ndarray, seed: int
) -> dict[str, Estimate]:
    """The clean accuracy (`clean`), and how much of it is lost: over `all` corruptions, and for each of them.

    A loss is the mean accuracy over the severities divided by the clean accuracy, minus 1: -0.2 is a fifth less. Its
    interval is paired over groups, from -1 to 1. Args as for `robustness_table`.
    """
    clean = rightness[CLEAN, 0].astype(np.float64)
    codes = np.unique(groups, return_inverse=True)[1]
    means: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(name for name, _ in rightness if name != CLEAN):
        means[name] = np.mean([right for (other, _), right in rightness.items() if other == name], axis=0)
    found = {CLEAN: estimate_accuracy(rightness[CLEAN, 0], codes, Bootstrap(num_resamples=1, seed=seed))}
    if means:
        means = {ALL: np.mean([*means.values()], axis=0), **means}
    return found | {name: _estimate_change(mean, clean, codes, seed, relative=True) for name, mean in means.items()}


def _estimate_change(
    corrupted: np.ndarray, clean: np.ndarray, codes: np.ndarray, seed: int, relative: bool
) -> Estimate:
    """The difference of two means over the same samples, or the first divided by the second, minus 1."""
    blocks = group_in_blocks(codes, seed)
    weights = Replicates(groups=np.arange(blocks.max() + 1), bootstrap=Bootstrap(num_resamples=1, seed=seed))
    after, before = leave_out_blocks(corrupted, blocks), leave_out_blocks(clean, blocks)
    basis = Basis.of(np.ones((len(clean), 1), dtype=bool), codes)
    if not relative:
        return paired_difference(float(np.mean(corrupted - clean)), after - before, weights, basis, len(clean))
    with np.errstate(divide="ignore", invalid="ignore"):
        value, replicates = np.divide(corrupted.mean(), clean.mean()) - 1, after / before - 1
    return paired_difference(float(value), replicates, weights, basis, len(clean))
