"""The predictor on corrupted pictures of test: light, focus, noise, storage and aim at five severities each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.estimate import Estimate, write_estimates
from pipeline.core.evaluation_contracts import Corruption
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.robustness import (
    ALL,
    CLEAN,
    COLUMNS,
    Decide,
    Options,
    choose_samples,
    measure_rightness,
    robustness_table,
    summarize_robustness,
)
from pipeline.media.choice import media_of_card
from pipeline.training.model_card import load_predictor


def main() -> list[str]:
    params = config.load_params()
    options: Options = config.instantiate(Options, config.get_section(params, "robustness"), "robustness")
    chosen = config.build_all(params, "corruption")
    packed = PackedDataset.load()
    test = np.flatnonzero(packed.index["split"].to_numpy() == "test")
    labels = packed.index["labels"].iloc[test].map(sorted).tolist()
    rows = test[choose_samples(labels, options.max_samples, options.seed)]
    fitting = {name: one for name, one in chosen.items() if fits(one, packed)}
    channels = packed.images.shape[-1]
    corruptions = {name: one for name, one in fitting.items() if not (one.in_colour and channels == 1)}
    found: dict[str, Estimate] = {}
    table = pd.DataFrame(columns=COLUMNS)
    if corruptions and len(rows):
        rightness = measure_rightness(packed.images, rows, corruptions, _decider(packed), options.seed)
        groups = packed.index["group"].iloc[rows].to_numpy(dtype=str)
        table = robustness_table(rightness, groups, options.seed)
        found = summarize_robustness(rightness, groups, options.seed)
    artifacts.write_csv(artifacts.ROBUSTNESS, table)
    write_estimates(artifacts.ROBUSTNESS_METRICS, found)
    noun = noun_of(media_of_card(packed.card))
    line = describe(found, (len(chosen), len(corruptions)), (len(rows), len(test)), noun)
    others = [name for name in chosen if name not in fitting]
    if others and fitting:
        line += f"; left out, since {media_of_card(packed.card)}s do not have it: {', '.join(others)}"
    return [line]


def fits(corruption: Corruption, packed: PackedDataset) -> bool:
    """Whether a corruption can happen to samples of this media and number of axes."""
    is_of_rank = corruption.spatial_rank in (None, packed.images.ndim - 2)
    return is_of_rank and corruption.media in (None, media_of_card(packed.card))


def _decider(packed: PackedDataset) -> Decide:
    predictor, _ = load_predictor(artifacts.PREDICTOR)
    targets = predictor.task.targets(packed.index["labels"].tolist(), packed.classes) > 0

    def decide(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
        known = packed.index.iloc[positions].reset_index(drop=True)
        scores = predictor.with_metadata(known).predict(images)
        return np.asarray((predictor.task.decide(scores) == targets[positions]).all(axis=1))

    return decide


def describe(
    found: dict[str, Estimate], corruptions: tuple[int, int], samples: tuple[int, int], noun: str = "picture"
) -> str:
    """What was measured, or why nothing was.

    Args:
        found: The figures.
        corruptions: How many are chosen, and how many of these fit the samples.
        samples: How many were corrupted, and how many test has.
        noun: What a sample is called.
    """
    (num_chosen, num_corruptions), (num_samples, num_test) = corruptions, samples
    if not num_chosen:
        return "no corruption is chosen"
    if not found:
        return "no corruption fits these samples" if num_samples else f"no {noun} in test"
    clean, loss = found[CLEAN].value or 0.0, found[ALL].value
    under = (
        "" if loss is None else f", {100 * clean * (1 + loss):.1f} % under {count_of(num_corruptions, 'corruption')}"
    )
    of_all = f"{num_samples:,} of " if num_samples < num_test else ""
    return f"accuracy {100 * clean:.1f} % on {of_all}{count_of(num_test, f'test {noun}')}{under}"


if __name__ == "__main__":
    stage_runner.run("perturb", main)
