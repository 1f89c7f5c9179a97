"""Which label each property tells best, how well, and whether chance explains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.nuisances import Nuisance
from pipeline.core.permuting import adjusted, group_folds, relabelled
from pipeline.core.telling import NUM_BINS, Cells, balanced_accuracy, best_pair, cramers_v, kernel, separation


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one property tells.

    Attributes:
        name: Of the property.
        label: Whose presence it tells best.
        accuracy: Out-of-fold balanced accuracy of that, 0.5 is chance.
        p: Of that accuracy by chance, corrected for all properties and labels.
        figure: `AUC` of numbers or `V` (bias-corrected Cramer's) of categories, for the label.
        pair: The two classes it tells apart best, and its balanced accuracy on them; None where there are but two.
    """

    name: str
    label: str
    accuracy: float
    p: float
    figure: str
    pair: tuple[str, str, float] | None


class Labelled:
    """Who has which label and who belongs together, as codes; every sample has a label.

    Attributes:
        rows: (L,) sample of each (sample, label) pair.
        codes: (L,) label of each.
        of_two: Whether each sample has one of two labels: one is then the rest of the other, and only it is asked.
    """

    def __init__(self, samples: pd.DataFrame) -> None:
        """Of rows with `labels`, `group` and a plain index."""
        pairs = samples["labels"].explode()
        self.rows = pairs.index.to_numpy()
        self.codes, self.classes = pd.factorize(pairs, sort=True)
        self.groups = pd.factorize(samples["group"])[0]
        single = len(pairs) == len(samples)
        self.of_two = single and len(self.classes) == 2
        self.first = int(self.of_two)
        self.chosen = self.codes >= self.first
        self.mean_size = len(pairs) / len(self.classes)


def ask(labelled: Labelled, known: list[Nuisance], num_permutations: int, num_folds: int, seed: int) -> list[Answer]:
    """An answer for each property that varies, the most telling first.

    Args:
        labelled: The samples.
        known: Their properties.
        num_permutations: Of the labels, for the p-values.
        num_folds: In each, what tells a label is learnt from the others.
        seed: Of folds and permutations.
    """
    varied = [(one, bins) for one in known if len(np.unique(bins := one.bins)) > 1]
    if not varied or len(labelled.classes) - labelled.first < 1:
        return []
    bins = np.stack([one for _, one in varied])
    cells = Cells(bins, group_folds(labelled.groups, num_folds, seed))
    kernels = np.stack([kernel(one.ordered, labelled.mean_size) for one, _ in varied])
    found = accuracies(labelled, cells, kernels, num_permutations, seed)
    p_values = adjusted(found.reshape(len(found), -1)).reshape(found.shape[1:])
    counts = cells.count(labelled.rows, labelled.codes, len(labelled.classes))
    answers = [
        _answer(labelled, one, found[0, row], p_values[row], bins[row], best_pair(counts[row], kernels[row]))
        for row, (one, _) in enumerate(varied)
    ]
    return sorted(answers, key=lambda one: -one.accuracy)


def accuracies(labelled: Labelled, cells: Cells, kernels: np.ndarray, num_permutations: int, seed: int) -> np.ndarray:
    """(M + 1, P, K) balanced accuracies of the true labels, then of permuted ones."""
    total, codes = cells.count_all(), labelled.codes[labelled.chosen] - labelled.first
    own = np.arange(len(labelled.groups))

    def told(takers: np.ndarray) -> np.ndarray:
        rows = takers[labelled.rows[labelled.chosen]]
        present = cells.count(rows, codes, len(labelled.classes) - labelled.first)
        return balanced_accuracy(present, total - present, kernels)

    return np.stack([told(own), *map(told, relabelled(labelled.groups, num_permutations, seed))])


def _answer(
    labelled: Labelled,
    one: Nuisance,
    accuracy: np.ndarray,
    p_values: np.ndarray,
    bins: np.ndarray,
    pair: tuple[int, int, float],
) -> Answer:
    best = int(accuracy.argmax())
    has = np.zeros(len(bins), dtype=bool)
    has[labelled.rows[labelled.codes == best + labelled.first]] = True
    table = np.stack([np.bincount(bins[side], minlength=NUM_BINS + 1) for side in (has, ~has)])
    names = labelled.classes
    return Answer(
        name=one.name,
        label=str(names[best + labelled.first]),
        accuracy=float(accuracy[best]),
        p=float(p_values[best]),
        figure=f"AUC {separation(one.values, has):.3f}" if one.ordered else f"V {cramers_v(table):.3f}",
        pair=(str(names[pair[0]]), str(names[pair[1]]), pair[2]) if len(names) > 2 else None,
    )
