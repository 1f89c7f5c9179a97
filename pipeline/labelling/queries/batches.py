"""How a batch is put together, so that it holds near-duplicates only where nothing else is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def take_distinct(order: np.ndarray, groups: np.ndarray, budget: int) -> np.ndarray:
    """The first rows of an order, of each group one; where all groups had their turn, of each a second one, and so on.

    Args:
        order: (n,) rows, the best first.
        groups: (N,) group of each row.
        budget: Most rows that are taken.
    """
    members = np.unique(groups[order], return_inverse=True)[1]
    by_group = np.argsort(members, kind="stable")
    sizes = np.bincount(members)
    turn = np.empty(len(order), dtype=np.int64)
    turn[by_group] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[np.argsort(turn, kind="stable")][:budget]


def take_highest(
    scores: np.ndarray, candidates: np.ndarray, groups: np.ndarray, budget: int, rng: np.random.Generator
) -> np.ndarray:
    """The candidates with the highest scores, as `take_distinct`; of equal ones at random.

    Args:
        scores: (N,) of each row.
        candidates: (n,) rows.
        groups: (N,) group of each row.
        budget: Most rows that are taken.
        rng: Of the order of equal scores.
    """
    shuffled = rng.permutation(candidates)
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    return take_distinct(order, groups, budget)


def take_in_turn(
    choose: Callable[[np.ndarray], tuple[int, float]], candidates: np.ndarray, groups: np.ndarray, budget: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows chosen one after the other, each with what was chosen before in mind, and the score of each.

    Args:
        choose: Of the rows that may be chosen, which it is and its score.
        candidates: (n,) rows.
        groups: (N,) group of each row.
        budget: Most rows that are taken.
    """
    is_left = np.zeros(len(groups), dtype=bool)
    is_left[candidates] = True
    members = np.unique(groups, return_inverse=True)[1]
    had_turn = np.zeros(int(members.max(initial=-1)) + 1, dtype=bool)
    rows, scores = [], []
    for _ in range(min(budget, len(candidates))):
        allowed = np.flatnonzero(is_left & ~had_turn[members])
        if not len(allowed):
            had_turn[:] = False
            allowed = np.flatnonzero(is_left)
        row, score = choose(allowed)
        is_left[row], had_turn[members[row]] = False, True
        rows.append(row)
        scores.append(score)
    return np.array(rows, dtype=np.int64), np.array(scores, dtype=np.float64)
