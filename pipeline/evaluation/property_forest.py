"""A random forest on all properties together: it predicts the label from light, colour, size and file alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import UserError
from pipeline.datasets.properties import Property, by_column, collect_properties
from pipeline.statistics.binning import NUM_BINS, OTHER, bin_edges, digitize

MIN_LEAF = 3


def make_forest(num_trees: int, seed: int) -> Any:
    """A random forest, not fitted, with equal weight for every class, as in balanced accuracy.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.
    """
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(num_trees, min_samples_leaf=MIN_LEAF, class_weight="balanced", random_state=seed)


def property_bins(samples: pd.DataFrame) -> np.ndarray:
    """(N, P) bin of every property, with bin edges from these samples; one column of zeros if there is none."""
    return np.stack(
        [one.bins for one in collect_properties(samples)] or [np.zeros(len(samples), dtype=np.int64)], axis=1
    )


@dataclass(frozen=True, kw_only=True)
class PropertyBinner:
    """Bins fitted to some samples and applied to others; on the same samples they equal `property_bins`.

    Attributes:
        ordered: For each column of numbers, the edges between its bins, at most 15.
        named: For each category, its commonest values, at most 15; other values share a bin.
    """

    ordered: dict[str, list[float]]
    named: dict[str, list[str]]

    @classmethod
    def fit(cls, samples: pd.DataFrame) -> PropertyBinner:
        """Fits the columns `prop_*` and `attr_*`, without attributes of the label itself."""
        known = by_column(_without_path(samples))
        return cls(
            ordered={name: bin_edges(one.values) for name, one in known.items() if one.ordered},
            named={name: _commonest(one) for name, one in known.items() if not one.ordered},
        )

    def __call__(self, samples: pd.DataFrame) -> np.ndarray:
        """(N, P) bins of these samples.

        Raises:
            UserError: A column is missing.
        """
        missing = [name for name in (*self.ordered, *self.named) if name not in samples]
        if missing:
            raise UserError(f"the forest on the properties needs the column {missing[0]!r}, which the samples lack")
        known = by_column(_without_path(samples), set(self.ordered))
        columns = [digitize(known[name].values, ends) for name, ends in self.ordered.items()]
        columns += [_category_bins(known[name], names) for name, names in self.named.items()]
        return np.stack(columns or [np.zeros(len(samples), dtype=np.int64)], axis=1)


def _without_path(samples: pd.DataFrame) -> pd.DataFrame:
    return samples.drop(columns=["path"], errors="ignore")  # properties of the path depend on the labels


def _commonest(one: Property) -> list[str]:
    sizes = np.bincount(one.values[one.values >= 0], minlength=len(one.names))
    order = np.argsort(-sizes, kind="stable")
    return [one.names[code] for code in order[:OTHER] if sizes[code]]


def _category_bins(one: Property, names: list[str]) -> np.ndarray:
    """(N,) bins of a category's values."""
    bins = np.array([names.index(name) if name in names else OTHER for name in one.names] + [NUM_BINS])
    return bins[one.values]  # a missing value is -1, the last
