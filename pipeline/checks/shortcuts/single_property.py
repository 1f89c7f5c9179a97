"""Which label each property tells best, how well, and whether chance explains it."""

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
    """What one property tells.

    Attributes:
        name: Of the property.
        label: Whose presence it tells best.
        accuracy: Out-of-fold balanced accuracy of that, 0.5 is chance.
        p: Of that accuracy by chance, corrected for all properties and labels, and both ways to deal the labels.
        least_p: The smallest that any labels dealt so could have had for this label.
        figure: `AUC` of numbers or `V` (bias-corrected Cramer's) of categories, for the label.
        pair: The two classes it tells apart best, and its balanced accuracy on them; None where there are but two.
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
    """Who has which label and who belongs together, as codes; a sample without any is a negative of each.

    Attributes:
        rows: (L,) sample of each (sample, label) pair.
        codes: (L,) label of each.
        classes: (K,) names of the labels.
        groups: (N,) codes of who belongs together.
        order: (N,) by which the samples of a group follow each other in their source.
        single: Whether each sample has one label, by nature.
    """

    rows: np.ndarray
    codes: np.ndarray
    classes: pd.Index
    groups: np.ndarray
    order: np.ndarray
    single: bool

    @classmethod
    def of(cls, samples: pd.DataFrame) -> LabelTable:
        """Of rows with `labels`, `group` and a plain index."""
        pairs = samples["labels"].explode().dropna()
        codes, classes = pd.factorize(pairs, sort=True)
        groups = pd.factorize(samples["group"])[0]
        order = samples["source_order"].to_numpy() if "source_order" in samples else np.arange(len(samples))
        single, rows = bool((samples["labels"].map(len) == 1).all()), pairs.index.to_numpy()
        return cls(rows=rows, codes=codes, classes=classes, groups=groups, order=order, single=single)

    def only(self, kept: np.ndarray) -> LabelTable:
        """These samples alone, of the same classes."""
        place = np.full(len(self.groups), -1)
        place[kept] = np.arange(len(kept))
        rows = place[self.rows]
        groups = pd.factorize(self.groups[kept])[0]
        order = self.order[kept]
        return replace(self, rows=rows[rows >= 0], codes=self.codes[rows >= 0], groups=groups, order=order)

    @property
    def first(self) -> int:
        """The first label that is asked for: of two that exclude each other the second, as the first is its rest."""
        return int(self.single and len(self.classes) == 2)

    @property
    def mean_size(self) -> float:
        """Samples of a label."""
        return len(self.rows) / max(1, len(self.classes))

    @property
    def told_by_size(self) -> np.ndarray:
        """(K,) as `permutation.label_determined_by_group_size`."""
        return label_determined_by_group_size(self.groups, self.rows, self.codes, len(self.classes))

    @property
    def varies_within(self) -> bool:
        """Whether some group has samples with a label and samples without it, so that labels can move within it."""
        sizes = np.bincount(self.groups)
        has = self.groups[self.rows]
        present = np.unique(has * len(self.classes) + self.codes, return_counts=True)
        return bool((present[1] < sizes[present[0] // max(1, len(self.classes))]).any())


def rank_properties(
    labelled: LabelTable, known: list[Property], num_permutations: int, num_folds: int, alpha: float, seed: int
) -> list[PropertyAssociation]:
    """An answer for each property that varies, the most telling first.

    Args:
        labelled: The samples.
        known: Their properties.
        num_permutations: Of the labels, for the p-values.
        num_folds: In each, what tells a label is learnt from the others.
        alpha: A label with a p-value up to this is answered before one that is told better, but as chance alone may.
        seed: Of folds and permutations.
    """
    if len(labelled.classes) - labelled.first < 1:
        return []
    batches = [one for one in _batches(known) if one.known]
    if not batches:
        return []
    between = _permute_between_groups(labelled, batches, num_permutations, num_folds, seed)
    within = _permute_within_groups(labelled, batches, num_permutations, num_folds, seed)
    p_values, least = combine_p_values([between] if within is None else [between, within], alpha)
    found = _permuted_accuracies(labelled, batches, lambda: (), num_folds, seed)[0]
    best = (found + (p_values <= alpha)).argmax(axis=1)  # an accuracy is at most 1
    rows = np.arange(len(best))
    told = pd.DataFrame(
        {"label": best, "accuracy": found[rows, best], "p_value": p_values[rows, best], "least": least[best]}
    )
    folds = group_folds(labelled.groups, num_folds, seed)
    answers: list[PropertyAssociation] = []
    for one in batches:
        answers += _answers(labelled, one, folds, told[len(answers) : len(answers) + len(one.known)])
    return sorted(answers, key=lambda one: -one.accuracy)


def _permute_between_groups(
    labelled: LabelTable, batches: list[Batch], num: int, num_folds: int, seed: int
) -> np.ndarray:
    """(M + 1, P, K) statistics of labels that move between groups, of one row each where size tells the label."""
    found = _permuted_accuracies(
        labelled, batches, lambda: block_permutations(labelled.groups, num, seed), num_folds, seed
    )
    by_size = labelled.told_by_size[labelled.first :]
    if not by_size.any():
        return found
    kept = one_per_group(labelled.groups, seed)  # each group once, so that any label can go to any group
    few = labelled.only(kept)
    mine = [one.only(kept) for one in batches]
    return np.where(
        by_size,
        _permuted_accuracies(few, mine, lambda: block_permutations(few.groups, num, seed), num_folds, seed),
        found,
    )


def _permute_within_groups(
    labelled: LabelTable, batches: list[Batch], num: int, num_folds: int, seed: int
) -> np.ndarray | None:
    """(M + 1, P, K) statistics of labels that move within their groups; None where each group has the same labels."""
    if not labelled.varies_within:
        return None
    return _permuted_accuracies(
        labelled, batches, lambda: rotations(labelled.groups, labelled.order, num, seed), num_folds, seed
    )


def _permuted_accuracies(
    labelled: LabelTable, batches: list[Batch], deals: Callable[[], Iterable[np.ndarray]], num_folds: int, seed: int
) -> np.ndarray:
    """(M + 1, P, K) `accuracies` of all batches, whose labels are dealt alike."""
    return np.concatenate([accuracies(labelled, one, deals(), num_folds, seed) for one in batches], axis=1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Properties that vary, with bins of one kind.

    Attributes:
        known: P of them.
        bins: (P, N), 0 to `num_bins`.
        num_bins: Besides that of missing values.
        ordered: Of each whether its bins are of numbers; None where all are of categories with many values.
    """

    known: list[Property]
    bins: np.ndarray
    num_bins: int
    ordered: list[bool] | None

    def only(self, kept: np.ndarray) -> Batch:
        """Of these samples."""
        return replace(self, bins=self.bins[:, kept])

    def kernels(self, num_samples: float) -> np.ndarray | None:
        """(P, B, B) of classes of about this size."""
        return None if self.ordered is None else np.stack([smoothing_kernel(one, num_samples) for one in self.ordered])


def _batches(known: list[Property]) -> Iterator[Batch]:
    """Those with few bins, then categories with many values, of which each keeps a bin."""
    for many, num_bins in ((False, NUM_BINS), (True, MANY_BINS)):
        mine = [(one, frequency_bins(one.values, num_bins) if many else one.bins) for one in known if one.many == many]
        varied = [(one, bins) for one, bins in mine if len(np.unique(bins)) > 1]
        yield Batch(
            known=[one for one, _ in varied],
            bins=np.array([bins for _, bins in varied]),
            num_bins=num_bins,
            ordered=None if many else [one.ordered for one, _ in varied],
        )


def accuracies(
    labelled: LabelTable, asked: Batch, deals: Iterable[np.ndarray], num_folds: int, seed: int
) -> np.ndarray:
    """(M + 1, P, K) balanced accuracies of the true labels, then of M dealt anew; of two classes K is 1."""
    cells = BinCounts(asked.bins, group_folds(labelled.groups, num_folds, seed), asked.num_bins)
    kernels = asked.kernels(labelled.mean_size)
    chosen = labelled.codes >= labelled.first
    total, codes = cells.count_all(), labelled.codes[chosen] - labelled.first
    own = np.arange(len(labelled.groups))

    def accuracy_of(takers: np.ndarray) -> np.ndarray:
        rows = takers[labelled.rows[chosen]]
        present = cells.count(rows, codes, len(labelled.classes) - labelled.first)
        return balanced_accuracy(present, total - present, kernels)

    return np.stack([accuracy_of(own), *map(accuracy_of, deals)])


def _answers(
    labelled: LabelTable, asked: Batch, folds: np.ndarray, told: pd.DataFrame
) -> Iterator[PropertyAssociation]:
    """Of each property; `told` has its `label` (among those asked for), `accuracy`, `p_value` and `least`."""
    counts = BinCounts(asked.bins, folds, asked.num_bins).count(labelled.rows, labelled.codes, len(labelled.classes))
    kernels, names = asked.kernels(labelled.mean_size), labelled.classes
    columns = (told["label"] + labelled.first, told["accuracy"], told["p_value"], told["least"])
    rows = zip(asked.known, asked.bins, *columns, strict=True)
    for row, (one, bins, label, accuracy, p, least) in enumerate(rows):
        has = np.zeros(len(bins), dtype=bool)
        has[labelled.rows[labelled.codes == label]] = True
        table = np.stack([np.bincount(bins[side], minlength=asked.num_bins + 1) for side in (has, ~has)])
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
