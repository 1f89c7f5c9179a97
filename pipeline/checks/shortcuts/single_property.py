"""The label that each property predicts best, how well it does, and whether chance explains that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.checks.shortcuts.binned_classifier import BinCounts, balanced_accuracy, best_pair, smoothing_kernel
from pipeline.datasets.properties import Property
from pipeline.statistics.association import auc, cramers_v
from pipeline.statistics.binning import MANY_BINS, NUM_BINS, frequency_bins
from pipeline.statistics.permutation import (
    block_permutations,
    combine_p_values,
    group_folds,
    label_determined_by_group_size,
    one_per_group,
    rotations,
)


@dataclass(frozen=True, kw_only=True)
class PropertyAssociation:
    """How well one property predicts the labels.

    Attributes:
        name: Name of the property.
        label: The label whose presence it predicts best.
        accuracy: Out-of-fold balanced accuracy of that prediction, 0 to 1; 0.5 is chance.
        p: P-value of that accuracy, corrected over all properties and labels and both permutation schemes.
        least_p: The smallest p-value that any permutation could give for this label.
        figure: `AUC` of numbers or `V` (bias-corrected Cramer's) of categories, for the label.
        pair: The two classes it separates best, and its balanced accuracy on them; None where there are only two.
    """

    name: str
    label: str
    accuracy: float
    p: float
    least_p: float
    figure: str
    pair: tuple[str, str, float] | None


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """Labels and groups of samples, as codes; a sample without a label is a negative of every label.

    Attributes:
        rows: (L,) sample of each (sample, label) pair.
        codes: (L,) label of each pair.
        classes: (K,) names of the labels.
        groups: (N,) group of each sample, as codes.
        order: (N,) position in the source; it orders the samples of a group.
        single: Whether each sample has exactly one label.
    """

    rows: np.ndarray
    codes: np.ndarray
    classes: pd.Index
    groups: np.ndarray
    order: np.ndarray
    single: bool

    @classmethod
    def of(cls, samples: pd.DataFrame) -> LabelTable:
        """The table of samples with `labels`, `group` and a plain index."""
        pairs = samples["labels"].explode().dropna()
        codes, classes = pd.factorize(pairs, sort=True)
        groups = pd.factorize(samples["group"])[0]
        order = samples["source_order"].to_numpy() if "source_order" in samples else np.arange(len(samples))
        single, rows = bool((samples["labels"].map(len) == 1).all()), pairs.index.to_numpy()
        return cls(rows=rows, codes=codes, classes=classes, groups=groups, order=order, single=single)

    def count_groups(self, label: str) -> tuple[int, int]:
        """Groups that have a sample with the label, and groups that have one without it."""
        has = np.zeros(len(self.groups), dtype=bool)
        has[self.rows[self.codes == self.classes.get_loc(label)]] = True
        return len(np.unique(self.groups[has])), len(np.unique(self.groups[~has]))

    def only(self, subset: np.ndarray) -> LabelTable:
        """The table of these rows alone, with the same classes."""
        position = np.full(len(self.groups), -1)
        position[subset] = np.arange(len(subset))
        rows = position[self.rows]
        groups = pd.factorize(self.groups[subset])[0]
        order = self.order[subset]
        return replace(self, rows=rows[rows >= 0], codes=self.codes[rows >= 0], groups=groups, order=order)

    @property
    def first(self) -> int:
        """The first label to predict: 1 for two exclusive labels (the first is the complement of the other), else 0."""
        return int(self.single and len(self.classes) == 2)

    @property
    def mean_size(self) -> float:
        """Mean number of samples of a label."""
        return len(self.rows) / max(1, len(self.classes))

    @property
    def determined_by_size(self) -> np.ndarray:
        """(K,) as `permutation.label_determined_by_group_size`."""
        return label_determined_by_group_size(self.groups, self.rows, self.codes, len(self.classes))

    @property
    def varies_within(self) -> bool:
        """Whether some group has samples with a label and samples without it: such labels can be permuted within it."""
        sizes = np.bincount(self.groups)
        has = self.groups[self.rows]
        present = np.unique(has * len(self.classes) + self.codes, return_counts=True)
        return bool((present[1] < sizes[present[0] // max(1, len(self.classes))]).any())


def rank_properties(
    labelled: LabelTable, known: list[Property], num_permutations: int, num_folds: int, alpha: float, seed: int
) -> list[PropertyAssociation]:
    """The association of each property that varies, the best predictor first.

    Args:
        labelled: The labels and groups of the samples.
        known: The properties of the samples.
        num_permutations: Permutations of the labels in each scheme, for the p-values.
        num_folds: Folds of the cross-validation; each is predicted from the others.
        alpha: A label with a p-value up to this goes before one with a higher accuracy that chance explains.
        seed: Seed of the folds and permutations.
    """
    if len(labelled.classes) - labelled.first < 1:
        return []
    batches = [one for one in _batches(known) if one.known]
    if not batches:
        return []
    between = _permute_between_groups(labelled, batches, num_permutations, num_folds, seed)
    within = _permute_within_groups(labelled, batches, num_permutations, num_folds, seed)
    p_values, least = combine_p_values([between] if within is None else [between, within], alpha)
    own = _permuted_accuracies(labelled, batches, lambda: (), num_folds, seed)[0]
    best = (own + (p_values <= alpha)).argmax(axis=1)  # an accuracy is at most 1
    rows = np.arange(len(best))
    best_labels = pd.DataFrame(
        {"label": best, "accuracy": own[rows, best], "p_value": p_values[rows, best], "least": least[best]}
    )
    folds = group_folds(labelled.groups, num_folds, seed)
    associations: list[PropertyAssociation] = []
    for one in batches:
        start = len(associations)
        associations += _associate(labelled, one, folds, best_labels[start : start + len(one.known)])
    return sorted(associations, key=lambda one: -one.accuracy)


def _permute_between_groups(
    labelled: LabelTable, batches: list[Batch], num: int, num_folds: int, seed: int
) -> np.ndarray:
    """(M + 1, P, K) statistics of labels permuted between groups; one row per group where size determines a label."""
    result = _permuted_accuracies(
        labelled, batches, lambda: block_permutations(labelled.groups, num, seed), num_folds, seed
    )
    by_size = labelled.determined_by_size[labelled.first :]
    if not by_size.any():
        return result
    subset = one_per_group(labelled.groups, seed)  # each group once, so that any label can go to any group
    few = labelled.only(subset)
    few_batches = [one.only(subset) for one in batches]
    return np.where(
        by_size,
        _permuted_accuracies(few, few_batches, lambda: block_permutations(few.groups, num, seed), num_folds, seed),
        result,
    )


def _permute_within_groups(
    labelled: LabelTable, batches: list[Batch], num: int, num_folds: int, seed: int
) -> np.ndarray | None:
    """(M + 1, P, K) statistics of labels permuted within groups; None where no group has more than one label vector."""
    if not labelled.varies_within:
        return None
    return _permuted_accuracies(
        labelled, batches, lambda: rotations(labelled.groups, labelled.order, num, seed), num_folds, seed
    )


def _permuted_accuracies(
    labelled: LabelTable,
    batches: list[Batch],
    permutations: Callable[[], Iterable[np.ndarray]],
    num_folds: int,
    seed: int,
) -> np.ndarray:
    """(M + 1, P, K) `accuracies` of all batches, with the same permutations for each."""
    return np.concatenate([accuracies(labelled, one, permutations(), num_folds, seed) for one in batches], axis=1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Properties that vary, with bins of one kind.

    Attributes:
        known: P properties.
        bins: (P, N), 0 to `num_bins`.
        num_bins: Number of bins, without the one of missing values.
        ordered: For each property, whether its bins are of numbers; None where all are categories with many values.
    """

    known: list[Property]
    bins: np.ndarray
    num_bins: int
    ordered: list[bool] | None

    def only(self, subset: np.ndarray) -> Batch:
        """The batch of these samples alone."""
        return replace(self, bins=self.bins[:, subset])

    def kernels(self, num_samples: float) -> np.ndarray | None:
        """(P, B, B) smoothing kernels for classes of about this size; None for categories with many values."""
        return None if self.ordered is None else np.stack([smoothing_kernel(one, num_samples) for one in self.ordered])


def _batches(known: list[Property]) -> Iterator[Batch]:
    """The properties with few bins, then the categories with many values, each with a bin of its own."""
    for many, num_bins in ((False, NUM_BINS), (True, MANY_BINS)):
        binned = [
            (one, frequency_bins(one.values, num_bins) if many else one.bins) for one in known if one.many == many
        ]
        varying = [(one, bins) for one, bins in binned if len(np.unique(bins)) > 1]
        yield Batch(
            known=[one for one, _ in varying],
            bins=np.array([bins for _, bins in varying]),
            num_bins=num_bins,
            ordered=None if many else [one.ordered for one, _ in varying],
        )


def accuracies(
    labelled: LabelTable, batch: Batch, permutations: Iterable[np.ndarray], num_folds: int, seed: int
) -> np.ndarray:
    """(M + 1, P, K) balanced accuracies of the true labels, then of M permutations; K is 1 for two classes."""
    cells = BinCounts(batch.bins, group_folds(labelled.groups, num_folds, seed), batch.num_bins)
    kernels = batch.kernels(labelled.mean_size)
    predicted = labelled.codes >= labelled.first
    total, codes = cells.count_all(), labelled.codes[predicted] - labelled.first
    own = np.arange(len(labelled.groups))

    def accuracy_of(destinations: np.ndarray) -> np.ndarray:
        rows = destinations[labelled.rows[predicted]]
        present = cells.count(rows, codes, len(labelled.classes) - labelled.first)
        return balanced_accuracy(present, total - present, kernels)

    return np.stack([accuracy_of(own), *map(accuracy_of, permutations)])


def _associate(
    labelled: LabelTable, batch: Batch, folds: np.ndarray, best: pd.DataFrame
) -> Iterator[PropertyAssociation]:
    """The association of each property; `best` has the code of its best `label`, `accuracy`, `p_value` and `least`."""
    counts = BinCounts(batch.bins, folds, batch.num_bins).count(labelled.rows, labelled.codes, len(labelled.classes))
    kernels, names = batch.kernels(labelled.mean_size), labelled.classes
    columns = (best["label"] + labelled.first, best["accuracy"], best["p_value"], best["least"])
    rows = zip(batch.known, batch.bins, *columns, strict=True)
    for row, (one, bins, label, accuracy, p, least) in enumerate(rows):
        has = np.zeros(len(bins), dtype=bool)
        has[labelled.rows[labelled.codes == label]] = True
        table = np.stack([np.bincount(bins[side], minlength=batch.num_bins + 1) for side in (has, ~has)])
        pair = best_pair(counts[row], None if kernels is None else kernels[row : row + 1])
        yield PropertyAssociation(
            name=one.name,
            label=str(names[label]),
            accuracy=float(accuracy),
            p=float(p),
            least_p=float(least),
            figure=f"AUC {auc(one.values, has):.3f}" if one.ordered else f"V {cramers_v(table):.3f}",
            pair=(str(names[pair[0]]), str(names[pair[1]]), pair[2]) if len(names) > 2 else None,
        )
