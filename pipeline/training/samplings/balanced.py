"""Sampling that makes the label independent of a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.core.contracts import Sampling
from pipeline.core.errors import UserError
from pipeline.datasets.subgroups import (
    check_property_name,
    empty_subgroups,
    label_combination_ids,
    property_values,
    subgroup_ids,
)


@final
@dataclass(frozen=True, kw_only=True)
class Balanced(Sampling):
    """The probability of a sample with labels y and property a is proportional to P(y) P(a) / P(y, a).

    In the sampled data label and property are independent, and each is as frequent as before. With several labels per
    sample, y is their combination: a single label is independent too, as far as its combinations occur at every value
    of the property. A combination that occurs at one value only stays linked to it.

    Args:
        by: The property: `prop_brightness` or another measured property, or `attr_*`, an attribute of the source.
        num_bins: Equally filled bins of a numeric property, at least 2.

    Source: Kamiran and Calders 2012, doi:10.1007/s10115-011-0463-8, reweighing; Idrissi et al. 2022, arXiv:2110.14503:
        sampling alone does as well as methods designed for the worst group.
    """

    by: str
    num_bins: Annotated[int, Ge(2)]

    def __post_init__(self) -> None:
        check_property_name(self.by)

    def __call__(self, targets: np.ndarray, classes: list[str], index: pd.DataFrame) -> np.ndarray:
        values = property_values(index, self.by, self.num_bins, "sampling.by")
        empty = empty_subgroups(targets, values, classes)
        if empty:
            raise UserError(
                f"no sample of train has {', '.join(empty[:5])} ({self.by}), and no weight can replace them; "
                "collect some, set fewer sampling.num_bins, or vary the property by augmentation instead"
            )
        sizes = [
            _size(codes)
            for codes in (label_combination_ids(targets), pd.factorize(values)[0], subgroup_ids(targets, values))
        ]
        weights: np.ndarray = sizes[0] * sizes[1] / sizes[2]
        return weights / weights.sum()


def _size(codes: np.ndarray) -> np.ndarray:
    """(N,) how many samples share each sample's code."""
    return np.bincount(codes)[codes]
