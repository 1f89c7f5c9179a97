"""Samples that belong together: of the same group, or near-duplicates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

HASH_BITS = 64
MIN_BITS = 2  # of perceptual hashes, by which the pool and feedback are compared with val and test at least


def compared_bits(joined_bits: int | None) -> int:
    """By how many bits of perceptual hashes the pool and feedback are compared with val and test.

    Args:
        joined_bits: By how many the split joins near-duplicates; None where it compares none.
    """
    return max(joined_bits or 0, MIN_BITS)


def pairs_within_hamming(hashes: pd.Series, max_bits: int) -> np.ndarray:
    """Pairs of rows whose perceptual hashes differ in at most `max_bits` bits.

    Equal hashes are linked in a chain rather than all with all, and different ones are found by faiss's multi-index
    hashing (Norouzi et al. 2012, doi:10.1109/CVPR.2012.6248043), so the cost is not quadratic.

    Args:
        hashes: 16 hexadecimal digits each.
        max_bits: 0 to 16.

    Returns:
        (P, 2) positions; enough pairs to connect all near-duplicates.
    """
    codes, first, inverse = np.unique(_numbers(hashes), return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    same = inverse[order[1:]] == inverse[order[:-1]]
    chain = np.stack([order[:-1][same], order[1:][same]], axis=1)
    return np.concatenate([chain, first[_within(codes, max_bits)]])


def _numbers(hashes: pd.Series) -> np.ndarray:
    """(N,) uint64, the numbers that the hexadecimal digits write."""
    return np.frombuffer(bytes.fromhex("".join(hashes.tolist())), dtype=">u8").astype(np.uint64)


def _within(codes: np.ndarray, max_bits: int) -> np.ndarray:
    """(P, 2) positions of all pairs of different hashes that differ in at most `max_bits` bits."""
    if max_bits == 0 or len(codes) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    import faiss

    packed = codes.astype(">u8").view(np.uint8).reshape(len(codes), HASH_BITS // 8)
    tables = num_tables(len(codes), max_bits)
    index = faiss.IndexBinaryMultiHash(HASH_BITS, tables, HASH_BITS // tables)
    index.nflip = max_bits // tables  # a pair within max_bits agrees up to that many bits in one of the tables
    index.add(packed)
    limits, _, near = index.range_search(packed, max_bits + 1)  # faiss keeps distances strictly below the radius
    query = np.repeat(np.arange(len(codes)), np.diff(np.asarray(limits, dtype=np.int64)).astype(np.int64))
    keep = query < near
    return np.stack([query[keep], near[keep]], axis=1)


def num_tables(num_codes: int, max_bits: int) -> int:
    """The number of parts into which hashes are cut, one table each, for the least work.

    With few parts each is long: few hashes share one, but more of its bits may differ, and each variant is looked up.
    With many parts each is short: many hashes share one, and with a fixed number of parts the search becomes
    quadratic.
    """

    def work(tables: int) -> float:
        bits = HASH_BITS // tables
        keys = sum(math.comb(bits, flips) for flips in range(max_bits // tables + 1))
        return tables * keys * (1 + num_codes / 2**bits)

    return min(range(2, 9), key=work)


def near_duplicates_across(
    hashes: pd.Series, max_bits: int, values: pd.Series
) -> tuple[np.ndarray, Callable[[int], int]]:
    """Rows that have a near-duplicate of another value (split, labels), and the first such near-duplicate.

    Rows of equal hash are searched as one, so all pairs of different hashes are known, not only enough pairs to connect
    near-duplicates.

    Args:
        hashes: (N,) 16 hexadecimal digits each.
        max_bits: 0 to 16.
        values: (N,) strings.

    Returns:
        (N,) bool, and a function from the position of a row for which it is true to that of the other.
    """
    codes, code = np.unique(_numbers(hashes), return_inverse=True)
    value = pd.factorize(values)[0]
    pairs = _within(codes, max_bits)
    lowest, highest = np.full(len(codes), len(code)), np.full(len(codes), -1)
    np.minimum.at(lowest, code, value)
    np.maximum.at(highest, code, value)
    near_lowest, near_highest = lowest.copy(), highest.copy()
    for one, other in ((0, 1), (1, 0)):
        np.minimum.at(near_lowest, pairs[:, one], lowest[pairs[:, other]])
        np.maximum.at(near_highest, pairs[:, one], highest[pairs[:, other]])

    def partner(row: int) -> int:
        near = [code[row], *pairs[pairs[:, 0] == code[row], 1], *pairs[pairs[:, 1] == code[row], 0]]
        return int(np.flatnonzero(np.isin(code, near) & (value != value[row]))[0])

    torn: np.ndarray = (near_lowest[code] != value) | (near_highest[code] != value)
    return torn, partner


def shared_key_across(keys: pd.DataFrame, values: np.ndarray) -> tuple[np.ndarray, Callable[[int], int]]:
    """Rows that share a key with a row of another value (split, labels), and the first such partner of a row.

    Args:
        keys: (N, K) columns of keys (group, photograph); a missing key matches no other row.
        values: (N,) strings.

    Returns:
        (N,) bool, and a function from the position of a row for which it is true to that of the other.
    """
    value = pd.Series(values, index=keys.index)
    across = [keys[column].notna() & (value.groupby(keys[column]).transform("nunique") > 1) for column in keys]

    def partner(row: int) -> int:
        same = np.any([(keys[column] == keys[column].iloc[row]).to_numpy(dtype=bool) for column in keys], axis=0)
        return int(np.flatnonzero(same & (values != values[row]))[0])

    result: np.ndarray = np.any(
        [np.zeros(len(keys), dtype=bool), *(one.to_numpy(dtype=bool) for one in across)], axis=0
    )
    return result, partner


def connected_groups(manifest: pd.DataFrame, max_bits: int | None) -> pd.Series:
    """The group of every sample after near-duplicates were joined.

    Two samples are joined when they share a group of the source, a photograph (`duplicate`, if the table has it), their
    pixels, or perceptual hashes within `max_bits` (None: hashes are not compared), and through any chain of these.

    Returns:
        The smallest `sample_id` of each sample's component, aligned with the manifest.
    """
    links = [_chain(manifest[column]) for column in ("content_hash", "group", "duplicate") if column in manifest]
    if max_bits is not None:
        links.append(pairs_within_hamming(manifest["perceptual_hash"], max_bits))
    pairs = np.concatenate(links)
    return _smallest(manifest["sample_id"], pairs).rename("group")


def add_duplicate_group(manifest: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """The manifest with `duplicate`: the smallest `sample_id` of all that show the same photograph; None without any.

    Args:
        manifest: One row per sample.
        duplicates: `data/duplicates.parquet`, pairs of `sample_id` in `left` and `right`.
    """
    position = pd.Series(np.arange(len(manifest)), index=manifest["sample_id"])
    pairs = np.stack([position.loc[duplicates[side]].to_numpy(dtype=np.intp) for side in ("left", "right")], axis=1)
    duplicate = _smallest(manifest["sample_id"], pairs)
    return manifest.assign(duplicate=duplicate.where(np.isin(np.arange(len(manifest)), pairs)))


def _smallest(names: pd.Series, pairs: np.ndarray) -> pd.Series:
    """The smallest name of each row's component in the graph of pairs of positions."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    smallest = names.groupby(component).min().to_numpy()
    return pd.Series(smallest[component], index=names.index, dtype="str")


def _chain(keys: pd.Series) -> np.ndarray:
    """(P, 2) positions that connect rows of equal key; missing keys connect nothing."""
    codes, _ = pd.factorize(keys)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    same = (ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)
    return np.stack([order[:-1][same], order[1:][same]], axis=1)
