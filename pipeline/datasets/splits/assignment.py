"""Greedy stratified assignment of groups to splits, starting from recorded splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import NONE, SPLITS, attribute_columns

BLOCK_CELLS = 1_000_000  # numbers in memory at once


def check_fractions(fractions: dict[str, float]) -> None:
    """Raises ValueError unless there is a fraction for each split and they sum to 1."""
    if sorted(fractions) != sorted(SPLITS):
        raise ValueError(f"fractions must name exactly {list(SPLITS)}, got {list(fractions)}")
    if min(fractions.values()) <= 0 or abs(sum(fractions.values()) - 1) > 1e-6:
        raise ValueError(f"fractions must each be above 0 and sum to 1, got {fractions}")


def earlier_splits(rows: pd.DataFrame, recorded: pd.DataFrame | None) -> pd.Series:
    """The recorded split of each row, indexed by `sample_id`; missing for new samples."""
    if recorded is None:
        return pd.Series(index=rows.index, dtype="str")
    return recorded.set_index("sample_id")["split"].reindex(rows.index)


def assign(
    strata: pd.Series,
    units: pd.Series,
    fractions: dict[str, float],
    seed: int,
    recorded: pd.Series,
    parts: Sequence[str] = SPLITS,
    largest_first: bool = True,
) -> pd.Series:
    """The split of every sample, keeping units whole and strata as even as whole units allow.

    Each unit in turn goes to the split where it most reduces the chi-squared distance between the actual and the wanted
    number of samples of each stratum in each split; largest units come first, equal ones in an order by a hash of seed
    and name. Then units are moved as long as a move reduces the distance. The result does not depend on the order of
    rows. Units with a recorded split keep it and count first.

    Args:
        strata: For each sample a list of the strata to even out: its labels, and any others. A sample without strata
            takes part in no split.
        units: Name of each sample's unit, which must stay together; aligned with strata.
        fractions: Wanted share of each split; a split without a share gets no sample.
        seed: Of the order among units of equal size.
        recorded: Split of each sample assigned before, missing for new ones.
        parts: Names of all splits; of two that are equally good the first is taken.
        largest_first: Whether large units come first; else all units come in the order of the seed, less evenly.

    Returns:
        One of `parts` or none, aligned with strata.

    Raises:
        UserError: Samples recorded in different splits are now in one unit.

    Source: the greedy rule follows Sechidis et al. 2011, doi:10.1007/978-3-642-23808-6_10, extended to whole groups.
    """
    labelled = strata.map(len) > 0
    names, counts = _counts(strata[labelled], units[labelled])
    fixed = _recorded_splits(units[labelled], recorded[labelled])
    before = fixed.reindex(names).to_numpy()
    total = counts.sum(axis=0)
    filled = [name for name in parts if name in fractions]
    start = np.stack([counts[before == name].sum(axis=0) for name in filled])
    wanted = np.array([fractions[name] for name in filled])[:, None] * total[None, :]
    new = np.flatnonzero(pd.isna(before))
    sizes = counts[new][:, [0]].toarray().ravel().tolist()
    order = sorted(range(len(new)), key=lambda one: (-sizes[one] * largest_first, _rank(names[new[one]], seed)))
    splits = _assign_units(counts[new[order]], start, wanted)
    chosen = {**fixed, **{names[new[one]]: filled[split] for one, split in zip(order, splits, strict=True)}}
    return units.map(chosen).where(labelled, NONE).astype("str").rename("split")


def _assign_units(amounts: Any, current: np.ndarray, wanted: np.ndarray, max_passes: int = 5) -> list[int]:
    """The number of the split of each unit.

    Args:
        amounts: Sparse (U, K) samples of each unit in each stratum.
        current: (S, K) samples of each stratum in each split so far; changed in place.
        wanted: (S, K) samples of each stratum that each split should have.
    """
    places: list[int] = []
    for amount in _rows(amounts):
        best = int(_cost(amount, current, wanted).argmin())
        current[best] += amount
        places.append(best)
    for _ in range(max_passes):
        moved = False
        for unit, amount in enumerate(_rows(amounts)):
            current[places[unit]] -= amount
            cost = _cost(amount, current, wanted)
            best = int(cost.argmin())
            moved |= best != places[unit] and cost[best] < cost[places[unit]] - 1e-9
            places[unit] = best if cost[best] < cost[places[unit]] - 1e-9 else places[unit]
            current[places[unit]] += amount
        if not moved:
            break
    return places


def _rows(amounts: Any) -> Iterator[np.ndarray]:
    """The row of each unit, (K,); made dense block by block, since all rows would not fit into memory."""
    block = max(1, BLOCK_CELLS // amounts.shape[1])
    for start in range(0, amounts.shape[0], block):
        yield from amounts[start : start + block].toarray()


def _cost(amount: np.ndarray, current: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(S,) change of the sum of (current - wanted)^2 / wanted when a unit joins each split."""
    change: np.ndarray = (amount * (2 * (current - wanted) + amount) / wanted).sum(axis=1)
    return change


def strata_of(manifest: pd.DataFrame, max_attribute_values: int) -> pd.Series:
    """The strata of each sample: its labels, and each label within each value of attributes with few values.

    Args:
        manifest: With `labels`, optionally `negative`, and any `attr_*`. Negatives count as a label of their own.
        max_attribute_values: Attributes with more distinct values are left out; 0 leaves out all.
    """
    labelled = are_labelled(manifest)
    of_labels = [list(names) or [""] * bool(known) for names, known in zip(manifest["labels"], labelled, strict=True)]
    alone = {name: f"label {name}" for name in set(chain.from_iterable(of_labels))}  # a few texts, many rows
    strata = [[alone[name] for name in names] for names in of_labels]
    for column in attribute_columns(manifest):
        if manifest[column].nunique() <= max_attribute_values:
            codes, values = pd.factorize(manifest[column], use_na_sentinel=False)
            within = [{name: f"{text}, {column} {value}" for name, text in alone.items()} for value in values]
            for stratum, names, code in zip(strata, of_labels, codes.tolist(), strict=True):
                stratum += [within[code][name] for name in names]
    return pd.Series(strata, index=manifest.index)


def _counts(strata: pd.Series, units: pd.Series) -> tuple[list[str], Any]:
    """Names of the units, and a sparse (U, 1 + K) matrix: samples of each unit in total and in each sorted stratum."""
    from scipy.sparse import csr_array

    unit, names = pd.factorize(units.to_numpy(dtype=object), sort=True)
    lengths = strata.map(len).to_numpy()
    stratum, kinds = pd.factorize(np.fromiter(chain.from_iterable(strata), dtype=object), sort=True)
    rows = np.concatenate([unit, np.repeat(unit, lengths)])
    columns = np.concatenate([np.zeros(len(unit), dtype=np.intp), stratum + 1])
    counts = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(names), 1 + len(kinds)))
    return list(names), counts


def _recorded_splits(units: pd.Series, recorded: pd.Series) -> pd.Series:
    """Unit to the recorded split of its samples.

    Raises:
        UserError: Samples of a unit have different recorded splits.
    """
    known = recorded[recorded.isin(SPLITS)]
    splits = known.groupby(units.loc[known.index]).unique()
    torn = splits[splits.map(len) > 1]
    if len(torn):
        unit = torn.index[0]
        members = known[units.loc[known.index] == unit]
        raise UserError(
            f"the samples of group {unit!r} belong together now but were assigned before: {members.index[0]!r} and "
            f"others to {sorted(torn.iloc[0])}; undo the change of group, or delete {artifacts.ASSIGNMENTS} and run "
            "dvc repro for a new split, whose figures are not comparable with earlier ones"
        )
    return splits.map(lambda names: names[0])


def _rank(unit: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{unit}".encode(errors="surrogateescape")).digest()
