"""Does a model use the order of frames or slices? The same samples with them shuffled, reversed, and a single one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import progress
from pipeline.core.axes import middle_pictures
from pipeline.core.estimate import Estimate
from pipeline.core.predictions import Predictions
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.evaluation.baseline_margin import margin_over_properties
from pipeline.evaluation.cross_validation import decide_by_probe
from pipeline.evaluation.time_use_text import REVERSED, SHUFFLED, SINGLE, STATIC, STATIC_MARGIN
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.images.storage import SquareFormat
from pipeline.statistics.bootstrap import Basis, Bootstrap, share_interval
from pipeline.statistics.classification import balanced_accuracy
from pipeline.statistics.systematic_sample import sample_evenly

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Predictor
    from pipeline.core.policy import Policy
    from pipeline.datasets.packed import PackedDataset

STACKED_AXES = 5  # of packed samples of three axes: (N, T, H, W, C)
CHUNK = 64  # samples changed at once
Decide = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (n, T, H, W, C) uint8 and their n rows to (n, K) bool
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]  # the same to samples of the same shape


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the question whether a model uses time, or the order of slices.

    Attributes:
        max_samples: Most samples of test, and of val, that are changed, at least 1; of more a part of each class. For
            the middle frame alone also most of train.
        max_frames: Most single frames or slices that val chooses from, at least 1; of more, evenly spaced ones.
        seed: Of the choice of samples, and of the order into which frames are shuffled.
    """

    max_samples: PositiveInt
    max_frames: PositiveInt
    seed: Seed


@dataclass(frozen=True, kw_only=True, eq=False)
class StackedSamples:
    """Samples of three axes, of which frames or slices are the first, and how a model decides on them.

    Attributes:
        images: (N, T, H, W, C) uint8, which may be on disk.
        index: N rows with `sample_id`, `split`, `labels` and `group`.
        classes: K names.
        targets: (N, K) in {0, 1}.
        exclusive: Whether each sample has exactly one label.
        decide: Decisions of the model on samples and their rows.
    """

    images: np.ndarray
    index: pd.DataFrame
    classes: list[str]
    targets: np.ndarray
    exclusive: bool
    decide: Decide

    @classmethod
    def of(cls, packed: PackedDataset, predictor: Predictor, policy: Policy) -> StackedSamples:
        """The packed samples, as a policy decides on the scores of a predictor."""
        deciding = replace(policy, out_of_distribution=None)  # how far a sample is from train changes no label

        def decide(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
            known = packed.index.iloc[rows].reset_index(drop=True)
            return deciding.decide(predictor.with_metadata(known).predict(images), predictor.task).decided

        return cls(
            images=packed.images,
            index=packed.index,
            classes=packed.classes,
            targets=predictor.task.targets(packed.index["labels"].tolist(), packed.classes),
            exclusive=predictor.task.exclusive,
            decide=decide,
        )

    def rows_of(self, split: str, most: int, seed: int) -> np.ndarray:
        """Rows of a split, ascending; of more than `most` each combination of labels by its share."""
        rows = np.flatnonzero(self.index["split"].to_numpy() == split)
        codes = np.unique(self.targets[rows], axis=0, return_inverse=True)[1].reshape(-1)
        return rows[sample_evenly(codes, most, seed)]

    def decide_changed(self, rows: np.ndarray, change: Change | None = None) -> np.ndarray:
        """(n, K) bool decisions on some samples, changed or as they are."""
        chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
        parts = []
        for one in chunks:
            samples = np.ascontiguousarray(self.images[one])
            parts.append(self.decide(samples if change is None else change(samples, one), one))
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), dtype=bool)

    def predictions(self, rows: np.ndarray, decided: np.ndarray) -> Predictions:
        """Decisions as predictions, whose scores are 0 or 1."""
        return Predictions(
            sample_ids=self.index["sample_id"].to_numpy()[rows],
            groups=self.index["group"].to_numpy(dtype=str)[rows],
            targets=self.targets[rows],
            decided=decided,
            scores=decided.astype(np.float64),
            classes=self.classes,
        )


def shuffle_frames(samples: np.ndarray, names: np.ndarray, seed: int) -> np.ndarray:
    """(n, T, ...) with the first axis of each sample in random order, that of its name and the seed.

    Args:
        samples: At least one frame each.
        names: (n,) of the samples, so that further samples change no order.
        seed: At least 0.
    """
    orders = [
        np.random.default_rng([seed, zlib.crc32(str(name).encode())]).permutation(samples.shape[1]) for name in names
    ]
    return np.stack([sample[order] for sample, order in zip(samples, orders, strict=True)])


def repeat_frame(samples: np.ndarray, frame: int) -> np.ndarray:
    """(n, T, ...) with one frame in place of all."""
    return np.repeat(samples[:, frame : frame + 1], samples.shape[1], axis=1)


def _repeat(samples: np.ndarray, _: np.ndarray, frame: int) -> np.ndarray:
    return repeat_frame(samples, frame)


def choose_frame(samples: StackedSamples, options: Options) -> int:
    """The frame that alone gives the highest balanced accuracy on val, the first of equals; the middle without val."""
    num_frames = samples.images.shape[1]
    rows = samples.rows_of("val", options.max_samples, options.seed)
    if not len(rows):
        return num_frames // 2
    candidates = np.unique(np.linspace(0, num_frames - 1, min(num_frames, options.max_frames)).round().astype(int))
    ones, found = np.ones((1, len(rows))), []
    with progress.show("evaluate: single frames", len(candidates), "frames") as bar:
        for frame in candidates.tolist():
            decided = samples.decide_changed(rows, partial(_repeat, frame=frame))
            found.append(float(balanced_accuracy(samples.targets[rows], decided, ones, samples.exclusive)[0]))
            if bar is not None:
                bar.advance(1)
    return int(candidates[int(np.argmax(np.nan_to_num(found)))])


def measure_time_use(
    samples: StackedSamples, has_time: bool, featuring: FeatureOptions, options: Options, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """The figures of test about time; empty without a sample of test, or where a sample has one frame.

    Args:
        samples: Of all splits.
        has_time: Whether the first axis is time; a volume has no direction in which it is played.
        featuring: The section `embed`: the encoder that is not trained, for the middle frame alone.
        options: Which samples, and the seed.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    rows = samples.rows_of("test", options.max_samples, options.seed)
    if not len(rows) or samples.images.shape[1] < 2:
        return {}
    as_is = samples.predictions(rows, samples.decide_changed(rows))
    return compare_changed(samples, rows, as_is, has_time, options, bootstrap) | compare_still(
        samples, rows, as_is, featuring, options, bootstrap
    )


def compare_changed(
    samples: StackedSamples,
    rows: np.ndarray,
    as_is: Predictions,
    has_time: bool,
    options: Options,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """The balanced accuracy minus that on changed samples, each a paired difference with its interval.

    Args:
        samples: Of all splits.
        rows: Of test.
        as_is: Decisions on these rows; the others as for `measure_time_use`.

    Returns:
        `shuffled_margin`, `reversed_margin` of clips alone, and `single_margin`.

    Source: Huang et al. 2018, doi:10.1109/CVPR.2018.00769, for shuffled frames and single ones.
    """
    names, frame = samples.index["sample_id"].to_numpy(), choose_frame(samples, options)
    changes: dict[str, Change] = {SHUFFLED: lambda part, own: shuffle_frames(part, names[own], options.seed)}
    if has_time:
        changes[REVERSED] = lambda part, _: part[:, ::-1]
    changes[SINGLE] = partial(_repeat, frame=frame)
    return {
        name: margin_over_properties(as_is, samples.decide_changed(rows, change), samples.exclusive, bootstrap)
        for name, change in changes.items()
    }


def compare_still(
    samples: StackedSamples,
    rows: np.ndarray,
    as_is: Predictions,
    featuring: FeatureOptions,
    options: Options,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """What frozen features of the middle frame or slice alone reach on test, and how far the model is above that.

    A logistic regression on the middle frames of train decides on those of test; it is what a still picture gives.

    Args as for `compare_changed` and `measure_time_use`.

    Returns:
        `static_baseline` and `static_margin`; empty without a sample of train.
    """
    train = samples.rows_of("train", options.max_samples, options.seed)
    if not len(train):
        return {}
    extractor = FeatureExtractor(featuring)
    features = [_features_of_middle(samples.images, one, extractor, featuring) for one in (train, rows)]
    decided = decide_by_probe(features[0], samples.targets[train], features[1], samples.exclusive)
    return {
        STATIC: _estimate_balanced(replace(as_is, decided=decided), samples.exclusive, bootstrap),
        STATIC_MARGIN: margin_over_properties(as_is, decided, samples.exclusive, bootstrap),
    }


def _features_of_middle(
    images: np.ndarray, rows: np.ndarray, extractor: FeatureExtractor, featuring: FeatureOptions
) -> np.ndarray:
    """(n, D) features; an encoder of three axes gets the middle frame as a sample of one frame."""
    channels = int(images.shape[-1])
    square = SquareFormat.of_card({"size": featuring.image_size, "fit": featuring.fit, "channels": channels})
    takes_pictures = extractor.components["embed.encoder"].spatial_rank in (None, 2)
    middles = (middle_pictures(images[row][None])[0] for row in rows)
    pictures = (square.convert(one[..., 0] if channels == 1 else one) for one in middles)
    found = extractor.stream(one if takes_pictures else one[None] for one in pictures)
    return np.stack(list(found))


def _estimate_balanced(predictions: Predictions, exclusive: bool, bootstrap: Bootstrap) -> Estimate:
    """The balanced accuracy with its interval."""
    targets, n = np.asarray(predictions.targets, dtype=bool), len(predictions)
    weights = bootstrap.replicates(predictions.groups)
    basis = Basis.of(targets, predictions.groups)

    def measure(block: np.ndarray) -> np.ndarray:
        return np.asarray(balanced_accuracy(predictions.targets, predictions.decided, block, exclusive))

    value = float(measure(np.ones((1, n)))[0])
    found = share_interval(value, np.concatenate([measure(one) for one in weights]), weights, basis.n, basis.groups)
    low, high, cautious = found or (None, None, "")
    return Estimate(
        value=value if np.isfinite(value) else None,
        low=low,
        high=high,
        n=n,
        groups=int(basis.groups),
        caveat=basis.caveat(found is not None, cautious),
    )
