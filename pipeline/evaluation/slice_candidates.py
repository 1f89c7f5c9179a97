"""Which slices of test are looked at: classes, groups, values of attributes, bins of properties, and pairs of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.core.manifest_schema import attribute_columns, property_columns, short_name
from pipeline.core.predictions import Predictions

Kind = Literal["class", "attribute", "group", "property"]
RANK: dict[Kind, int] = {"class": 0, "attribute": 1, "group": 2, "property": 3}  # what comes first where there are many
MAX_VALUES = (
    12  # an attribute with more distinct numbers is cut into quarters; one with more names keeps the large ones
)
NUM_BINS = 4
LABEL, GROUP = "label", "group"


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """Some samples of test that share a value.

    Attributes:
        attribute: What they share; of a pair `A and B`.
        value: Its value; of a pair `a, b`.
        kinds: Where the value comes from; of a pair two, a class second.
        rows: (n,) positions of its samples, ascending.
    """

    attribute: str
    value: str
    kinds: tuple[Kind, ...]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def list_slices(
    test: pd.DataFrame, predictions: Predictions, min_slice: int, max_slices: int
) -> tuple[list[Candidate], int]:
    """The slices of test, and how many more there are than `max_slices`.

    Single ones first: every class and every value of an attribute, whatever its size; groups and bins of properties of
    at least `min_slice` samples. Thousands of groups leave half of the slices to the others. Then pairs of single ones
    of different origin, down to `min_slice` samples: those of a class and an attribute first, those of two properties
    last, the larger first. Two slices of the same samples are one. A pair is no larger than its parts, so parts below
    `min_slice` need not be paired (Agrawal and Srikant 1994).

    Args:
        test: N rows with `attr_*` and `prop_*`.
        predictions: Predictions of the same N samples.
        min_slice: Fewest samples of a slice with figures.
        max_slices: Most slices with figures; the number of pairs is limited so.
    """
    known: set[bytes] = set()
    small, single = [], []
    for one in _single(test, predictions, min_slice):
        if len(one) < min_slice:
            small.append(one)
        elif _is_new(one, known):
            single.append(one)
    is_group = [one.kinds == ("group",) for one in single]
    most_groups = max(0, max_slices // 2 - is_group.count(False))
    order = sorted(range(len(single)), key=lambda at: (is_group[at], RANK[single[at].kinds[0]], -len(single[at]), at))
    largest = order[: min(max_slices, is_group.count(False) + most_groups)]
    left_out = len(single) - len(largest)
    single = [single[at] for at in sorted(largest)]
    pairs, num_pairs = _pairs(single, len(predictions), min_slice, max_slices - len(single))
    pairs = [one for one in pairs if _is_new(one, known)]
    return [*single, *pairs, *small], left_out + num_pairs


def _is_new(one: Candidate, known: set[bytes]) -> bool:
    key = one.rows.astype(np.int64).tobytes()
    is_new = key not in known
    known.add(key)
    return is_new


def _single(test: pd.DataFrame, predictions: Predictions, min_slice: int) -> Iterator[Candidate]:
    for number, label in enumerate(predictions.classes):
        rows = np.flatnonzero(predictions.targets[:, number] > 0)
        if len(rows):
            yield Candidate(attribute=LABEL, value=label, kinds=("class",), rows=rows)
    for column in attribute_columns(test):
        for value, rows in cut_values(test[column], min_slice).items():
            yield Candidate(attribute=short_name(column), value=value, kinds=("attribute",), rows=rows)
    for column in property_columns(test):
        cut = cut_values(test[column], min_slice)
        for value, rows in cut.items() if len(cut) > 1 else ():
            if len(rows) >= min_slice:
                yield Candidate(attribute=short_name(column), value=value, kinds=("property",), rows=rows)
    groups = pd.Series(predictions.groups)
    for name, rows in groups.groupby(groups).indices.items():
        if min_slice <= len(rows) < len(groups):
            yield Candidate(attribute=GROUP, value=str(name), kinds=("group",), rows=np.sort(rows))


def cut_values(values: pd.Series, min_slice: int) -> dict[str, np.ndarray]:
    """Text of each slice to its rows; of more than 12 names those with at least `min_slice` samples.

    More than 12 numbers are cut into quarters, which are named by their smallest and largest number.
    """
    known = values.reset_index(drop=True).dropna()
    is_number = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
    is_many = known.nunique() > MAX_VALUES
    if is_many and is_number:
        known = _name_quarters(known.astype(float))
    found = {str(value): members.index.to_numpy() for value, members in known.groupby(known, observed=True)}
    return {name: rows for name, rows in found.items() if is_number or not is_many or len(rows) >= min_slice}


def _name_quarters(numbers: pd.Series) -> pd.Series:
    """The name of the quarter of each number, with as many digits as make the names differ."""
    quarters = pd.qcut(numbers, NUM_BINS, duplicates="drop")
    ends = numbers.groupby(quarters, observed=True).agg(["min", "max"])
    for digits in (4, 6, 17):
        names = [_name_range(low, high, digits) for low, high in ends.itertuples(index=False)]
        if len(set(names)) == len(names):
            break
    return quarters.cat.rename_categories(dict(zip(ends.index, names, strict=True)))


def _name_range(low: float, high: float, digits: int) -> str:
    """Both ends, rounded and without an exponent; one number where they are the same."""
    texts = [
        np.format_float_positional(end, precision=digits, unique=False, fractional=False, trim="-")
        for end in (low, high)
    ]
    return texts[0] if low == high else " to ".join(texts)


def _pairs(single: list[Candidate], num_samples: int, min_slice: int, most: int) -> tuple[list[Candidate], int]:
    """At most `most` pairs, and how many more are large enough."""
    if len(single) < 2 or most <= 0:
        return [], 0
    sizes = np.array([len(one) for one in single])
    origin = np.unique([f"{one.kinds[0]}/{one.attribute}" for one in single], return_inverse=True)[1]
    common = count_common(single, num_samples)
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    fits = (common >= min_slice) & (common < smaller) & (origin[:, None] != origin[None, :])
    first, second = np.nonzero(np.triu(fits, 1))
    rank = np.array([RANK[one.kinds[0]] for one in single])
    order = np.lexsort((second, first, -common[first, second], rank[first] + rank[second]))
    pairs = [_pair(single[first[at]], single[second[at]]) for at in order[:most]]
    return pairs, len(order) - len(pairs)


def count_common(slices: list[Candidate], num_samples: int) -> np.ndarray:
    """(S, S) samples that two slices have in common."""
    from scipy.sparse import csr_matrix

    starts = np.cumsum([0, *(len(one) for one in slices)])
    columns = np.concatenate([one.rows for one in slices])
    members = csr_matrix((np.ones(len(columns), dtype=np.int64), columns, starts), (len(slices), num_samples))
    return np.asarray((members @ members.T).toarray())


def _pair(one: Candidate, other: Candidate) -> Candidate:
    """The samples of both; a class comes second, as in `site and label`."""
    if one.kinds == ("class",):
        one, other = other, one
    return Candidate(
        attribute=f"{one.attribute} and {other.attribute}",
        value=f"{one.value}, {other.value}",
        kinds=one.kinds + other.kinds,
        rows=np.intersect1d(one.rows, other.rows, assume_unique=True),
    )
