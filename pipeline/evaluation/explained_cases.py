"""Which decisions are explained: for each class some that are right, wrong, left to a person, and missed labels."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from pipeline.core.policy import Decisions

Kind = Literal["wrong", "missed", "right", "abstained"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COLUMNS = ["row", "column", "kind", "score", "sample_id", "group", "position"]


def choose_cases(
    decisions: Decisions, targets: np.ndarray, samples: pd.DataFrame, exclusive: bool, per_kind: int, max_cases: int
) -> pd.DataFrame:
    """The cases, a row each: `row` of the sample, `column` of the class, `kind`, `score`, and its `position`.

    A case is a sample and a class. Of decided classes: `wrong`, the most confident first; `right`, the middle ones by
    score first; `abstained`, of samples that the policy leaves to a person, the highest score first. Where labels are
    not exclusive also `missed`, labels that were not decided, the lowest score first. Samples of other groups go before
    further ones of a group. At most `per_kind` of each class and kind, and at most `max_cases` in all: then the first
    ones of each class and kind.

    Args:
        decisions: Of the policy, on N samples.
        targets: (N, K) in {0, 1}.
        samples: N rows with `sample_id` and `group`.
        exclusive: Whether each sample has exactly one label.
        per_kind: At least 1.
        max_cases: At least 1.
    """
    found = [
        _first(rows, column, kind, decisions.scores[rows, column], samples, per_kind)
        for column in range(targets.shape[1])
        for kind, rows in _sort_out(decisions, targets[:, column] > 0, column, exclusive).items()
    ]
    table = pd.concat([one for one in found if len(one)] or [pd.DataFrame(columns=COLUMNS)], ignore_index=True)
    first = table.sort_values("position", kind="stable").head(max_cases)
    order = first["kind"].map(KINDS.index).astype(np.int64)
    return (
        first.assign(order=order)
        .sort_values(["column", "order", "position"])
        .drop(columns="order")
        .reset_index(drop=True)
    )


def _sort_out(decisions: Decisions, has: np.ndarray, column: int, exclusive: bool) -> dict[Kind, np.ndarray]:
    """Kind to positions of the samples whose decision about the class is of that kind."""
    decided, sure = decisions.decided[:, column], ~decisions.abstains
    masks: dict[Kind, np.ndarray] = {
        "wrong": decided & ~has & sure,
        "right": decided & has & sure,
        "abstained": decided & ~sure,
    }
    if not exclusive:
        masks["missed"] = ~decided & has & sure
    return {kind: np.flatnonzero(mask) for kind, mask in masks.items()}


def _first(
    rows: np.ndarray, column: int, kind: Kind, scores: np.ndarray, samples: pd.DataFrame, most: int
) -> pd.DataFrame:
    table = samples.iloc[rows][["sample_id", "group"]].assign(
        row=rows, column=column, kind=kind, score=scores.astype(np.float64)
    )
    table = table.sort_values(["score", "sample_id"], ascending=[kind == "missed", True])
    if kind == "right":
        distance = np.abs(np.arange(len(table)) - (len(table) - 1) / 2)
        table = table.iloc[np.argsort(distance, kind="stable")]
    again = table.groupby("group").cumcount().to_numpy()
    table = table.iloc[np.argsort(again, kind="stable")].head(most)
    return table.assign(position=np.arange(len(table)))[COLUMNS]
