"""Selection of an option for unequal classes on val: each is fitted, and the simplest of the best is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.core import rank, terminal
from pipeline.core.errors import UserError
from pipeline.core.ranges import PositiveInt, Seed
from pipeline.statistics.bootstrap import Basis, Bootstrap, difference_interval, share_interval
from pipeline.statistics.classification import confusion_counts, macro_average

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

COLUMNS = {
    "option": str,
    "metric": str,
    **dict.fromkeys(("value", "low", "high", "behind_best", "behind_low", "behind_high", "groups", "epochs"), float),
    "chosen": bool,
}
OVERLAID = ("task", "sampling")
NAME = "imbalance"  # the key of an overlay that holds its own name


@dataclass(frozen=True, kw_only=True)
class CandidateSelection:
    """Several options for unequal classes, of which one is chosen on val: `imbalance` of params.yaml.

    Args:
        candidates: Name to overlay, as in the files of conf/imbalance/: values for keys of `task`, and optionally a
            `sampling`. The simplest comes first.
        epochs: Exact number of epochs of each trial, at most `train.epochs`; null is `train.epochs`.
        num_resamples: Bootstrap resamples of each interval, at least 100.
        seed: Of the resamples.
    """

    candidates: dict[str, dict[str, Any]]
    epochs: PositiveInt | None = None
    num_resamples: Annotated[int, Ge(100)] = 1000
    seed: Seed = 0

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("candidates must name at least one overlay, as conf/imbalance/auto.yaml does")
        foreign = sorted({key for overlay in self.candidates.values() for key in overlay or {}} - {*OVERLAID, NAME})
        if foreign:
            raise ValueError(f"candidates may change {' and '.join(OVERLAID)}, got {foreign[0]!r}")

    def with_candidate(self, nodes: Params, name: str) -> Params:
        """The nodes of params.yaml with this overlay, as if conf/ had been composed with it."""
        overlay = self.candidates[name] or {}
        return {
            **nodes,
            "task": {**nodes["task"], **overlay.get("task", {})},
            "sampling": overlay.get("sampling") or nodes["sampling"],
            NAME: name,
        }

    def select(
        self,
        nodes: Params,
        targets: np.ndarray,
        groups: np.ndarray,
        exclusive: bool,
        decide: Callable[[Params], np.ndarray],
    ) -> tuple[Params, pd.DataFrame]:
        """The nodes of the best candidate on val, and a row for each; a single candidate is not measured.

        Args:
            nodes: Sections of params.yaml.
            targets: (N, K) in {0, 1} of val.
            groups: (N,) of val; samples of a group are resampled together.
            exclusive: Whether each sample has exactly one label, as the task says.
            decide: Fits these nodes on train; returns the (N, K) bool decisions on val.
        """
        if len(self.candidates) == 1:
            return self.with_candidate(nodes, next(iter(self.candidates))), table([])
        if not len(targets):
            raise UserError(
                "imbalance: val has no sample to compare options on; choose one, such as imbalance=weighted"
            )
        names = list(self.candidates)
        decisions = [self._try_candidate(nodes, name, decide) for name in names]
        train = self._shorten(nodes)["train"]
        epochs = (
            None if train.get("min_steps") else train.get("epochs")
        )  # how many epochs that adds, only training knows
        rows = self._measure(names, decisions, targets, groups, exclusive, epochs)
        chosen = next(row["option"] for row in rows if row["chosen"])
        return self.with_candidate(nodes, chosen), table(rows)

    def _try_candidate(self, nodes: Params, name: str, decide: Callable[[Params], np.ndarray]) -> np.ndarray:
        number = list(self.candidates).index(name) + 1
        if rank.is_main_process():
            terminal.say(f"train: trying imbalance={name}, {number} of {len(self.candidates)}")
        try:
            return decide(self._shorten(self.with_candidate(nodes, name)))
        except UserError as error:
            raise type(error)(f"imbalance, trying {name}: {error}") from None

    def _shorten(self, nodes: Params) -> Params:
        train = nodes["train"]
        if self.epochs is None or train.get("epochs") is None:
            return nodes
        exact = {"min_steps": 0} if "min_steps" in train else {}  # else training would add epochs
        return {**nodes, "train": {**train, "epochs": min(self.epochs, train["epochs"]), **exact}}

    def _measure(
        self,
        names: list[str],
        decisions: list[np.ndarray],
        targets: np.ndarray,
        groups: np.ndarray,
        exclusive: bool,
        epochs: int | None,
    ) -> list[dict[str, Any]]:
        """A row per candidate; the first that is not significantly worse than the best is chosen (paired interval)."""
        weights = Bootstrap(num_resamples=self.num_resamples, seed=self.seed).replicates(groups)
        values = _figures(targets, decisions, np.ones((1, len(targets))), exclusive)[0]
        resampled = np.concatenate([_figures(targets, decisions, block, exclusive) for block in weights])
        basis = Basis.of(targets > 0, groups)
        best = int(np.nanargmax(values)) if np.isfinite(values).any() else 0
        rows: list[dict[str, Any]] = []
        for column, name in enumerate(names):
            behind_best = values[best] - values[column]
            behind = difference_interval(
                behind_best, resampled[:, best] - resampled[:, column], weights, basis.n, basis.groups
            )
            own = share_interval(values[column], resampled[:, column], weights, basis.n, basis.groups)
            rows.append(
                {
                    "option": name,
                    "metric": "balanced_accuracy" if exclusive else "f1_macro",
                    "value": values[column],
                    **dict(zip(("low", "high"), (own or (None, None))[:2], strict=True)),
                    "behind_best": behind_best,
                    **dict(zip(("behind_low", "behind_high"), behind or (None, None), strict=True)),
                    "groups": int(basis.groups),
                    "epochs": epochs,
                    "chosen": False,
                }
            )
        next(row for row in rows if row["behind_low"] is None or row["behind_low"] <= 0)["chosen"] = True
        return rows


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """`reports/imbalance.csv`; empty where there was nothing to choose."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _figures(targets: np.ndarray, decisions: list[np.ndarray], weights: np.ndarray, exclusive: bool) -> np.ndarray:
    """(R, C) figures of C candidates under R weights: balanced accuracy of exclusive classes, else macro F1."""
    number = "recall" if exclusive else "f1"

    def figure(one: np.ndarray) -> np.ndarray:
        return macro_average(lambda rows: getattr(confusion_counts(targets, one, rows), number), targets, weights)

    return np.stack([figure(one) for one in decisions], axis=1)
