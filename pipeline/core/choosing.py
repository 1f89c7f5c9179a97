"""Which way to meet unequal classes does best on val: each is fitted, and the simplest of the best is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.intervals import interval, resamples
from pipeline.core.scoring import average, count

COLUMNS = {
    "option": str,
    "metric": str,
    **dict.fromkeys(("value", "low", "high", "behind_best", "behind_low", "behind_high", "epochs"), float),
    "chosen": bool,
}
CHANGED = ("task", "sampling")


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """The options of `imbalance` in params.yaml: one that is taken, or several of which one is chosen on val.

    Args:
        candidates: Name to what the option changes: keys of `task` that it sets, and a `sampling` of its own. The
            simplest comes first.
        epochs: Of each trial, at most those of training; null takes as many.
        num_resamples: Bootstrap resamples behind each interval, at least 100.
        seed: Of the resamples.
    """

    candidates: dict[str, dict[str, Any]] = field(default_factory=dict)
    epochs: int | None = None
    num_resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("candidates must name at least one option, as conf/imbalance/none.yaml does")
        foreign = sorted({key for changes in self.candidates.values() for key in changes or {}} - set(CHANGED))
        if foreign:
            raise ValueError(f"candidates may change {' and '.join(CHANGED)}, got {foreign[0]!r}")
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs must be null or at least 1, got {self.epochs}")
        if self.num_resamples < 100:
            raise ValueError(f"num_resamples must be at least 100, got {self.num_resamples}")

    def changed(self, nodes: dict[str, Any], name: str) -> dict[str, Any]:
        """The nodes of params.yaml with that option, which is then the only candidate."""
        changes = self.candidates[name] or {}
        return {
            **nodes,
            "task": {**nodes["task"], **changes.get("task", {})},
            "sampling": changes.get("sampling") or nodes["sampling"],
            "imbalance": {"candidates": {name: self.candidates[name]}},
        }

    def choose(
        self,
        nodes: dict[str, Any],
        targets: np.ndarray,
        groups: np.ndarray,
        decided: Callable[[dict[str, Any]], np.ndarray],
    ) -> tuple[dict[str, Any], pd.DataFrame]:
        """The nodes of what is best on val, and what was measured; with one candidate nothing is.

        Args:
            nodes: Sections of params.yaml.
            targets: (N, K) in {0, 1} of val.
            groups: (N,) of val, who is resampled together.
            decided: Nodes to (N, K) bool: fits on train and decides on val.
        """
        if len(self.candidates) == 1:
            return self.changed(nodes, next(iter(self.candidates))), table([])
        if not len(targets):
            raise UserError("imbalance: val has no sample to choose by; choose one option, such as imbalance=weighted")
        names = list(self.candidates)
        decisions = [self._tried(nodes, name, decided) for name in names]
        rows = self._measured(names, decisions, targets, groups, self._shortened(nodes)["train"].get("epochs"))
        chosen = next(row["option"] for row in rows if row["chosen"])
        return self.changed(nodes, chosen), table(rows)

    def _tried(self, nodes: dict[str, Any], name: str, decided: Callable[[dict[str, Any]], np.ndarray]) -> np.ndarray:
        try:
            return decided(self._shortened(self.changed(nodes, name)))
        except UserError as error:
            raise type(error)(f"imbalance, trying {name}: {error}") from None

    def _shortened(self, nodes: dict[str, Any]) -> dict[str, Any]:
        whole = nodes["train"].get("epochs")
        if self.epochs is None or whole is None:
            return nodes
        return {**nodes, "train": {**nodes["train"], "epochs": min(self.epochs, whole)}}

    def _measured(
        self, names: list[str], decisions: list[np.ndarray], targets: np.ndarray, groups: np.ndarray, epochs: int | None
    ) -> list[dict[str, Any]]:
        """A row per candidate; the first whose paired difference to the best includes 0 is chosen."""
        single = bool(all((one.sum(axis=1) == 1).all() for one in (targets, *decisions)))
        once = _figures(targets, decisions, np.ones((1, len(targets))), single)[0]
        drawn = np.concatenate(
            [
                _figures(targets, decisions, weights, single)
                for weights in resamples(groups, self.num_resamples, self.seed)
            ]
        )
        if len(np.unique(groups)) < 2:
            drawn[:] = np.nan  # one group says nothing about how groups vary
        best = int(np.nanargmax(once)) if np.isfinite(once).any() else 0
        rows: list[dict[str, Any]] = []
        for column, name in enumerate(names):
            behind = interval(drawn[:, best] - drawn[:, column])
            low, high = interval(drawn[:, column])
            rows.append(
                {
                    "option": name,
                    "metric": "balanced_accuracy" if single else "f1_macro",
                    "value": once[column],
                    "low": low,
                    "high": high,
                    "behind_best": once[best] - once[column],
                    "behind_low": behind[0],
                    "behind_high": behind[1],
                    "epochs": epochs,
                    "chosen": False,
                }
            )
        next(row for row in rows if row["behind_low"] is None or row["behind_low"] <= 0)["chosen"] = True
        return rows


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """`reports/imbalance.csv`: empty where nothing had to be chosen."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _figures(targets: np.ndarray, decisions: list[np.ndarray], weights: np.ndarray, single: bool) -> np.ndarray:
    """(R, C): balanced accuracy where each sample has one label, else macro F1, of each candidate."""
    counts = [count(targets, one, weights) for one in decisions]
    return np.stack([average(one.recall if single else one.f1, one.support, "macro") for one in counts], axis=1)
