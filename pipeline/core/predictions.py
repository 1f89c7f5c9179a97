"""What a model decided about some samples, and their targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.labels import to_matrix

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Targets and decisions of N samples and K classes.

    Attributes:
        sample_ids: (N,) each once.
        groups: (N,) str; the samples of a group are resampled together.
        targets: (N, K) in {0, 1}.
        decided: (N, K) bool, by the predictor's task.
        scores: (N, K) in [0, 1].
        classes: K names, in the order of the columns.
    """

    sample_ids: np.ndarray
    groups: np.ndarray
    targets: np.ndarray
    decided: np.ndarray
    scores: np.ndarray
    classes: list[str]

    @classmethod
    def of(cls, samples: pd.DataFrame, classes: list[str]) -> Predictions:
        """Those of some rows of `data/predictions.parquet`: `sample_id`, `group`, `labels`, `decided` and `scores`."""
        return cls(
            sample_ids=samples["sample_id"].to_numpy(),
            groups=samples["group"].to_numpy(dtype=str),
            targets=to_matrix(samples["labels"].tolist(), classes),
            decided=to_matrix(samples["decided"].tolist(), classes).astype(bool),
            scores=np.stack(samples["scores"].to_numpy()) if len(samples) else np.zeros((0, len(classes))),
            classes=classes,
        )

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: np.ndarray) -> Predictions:
        """Those of the samples at some positions, in this order, or of a mask."""
        return replace(
            self,
            sample_ids=self.sample_ids[rows],
            groups=self.groups[rows],
            targets=self.targets[rows],
            decided=self.decided[rows],
            scores=self.scores[rows],
        )

    def select(self, names: Collection[str]) -> Predictions:
        """Those of some samples as far as they are here, sorted by name."""
        import pandas as pd

        order = np.argsort(self.sample_ids)
        return self.take(order[pd.Index(self.sample_ids[order]).isin(names)])

    def of_classes(self, classes: list[str]) -> Predictions:
        """The columns of some classes, in this order; a decision for any other class is then a decision for none."""
        columns = [self.classes.index(name) for name in classes]
        return replace(
            self,
            targets=self.targets[:, columns],
            decided=self.decided[:, columns],
            scores=self.scores[:, columns],
            classes=classes,
        )

    @property
    def is_right(self) -> np.ndarray:
        """(N,) bool: exactly the true labels were decided."""
        return np.asarray((self.decided == (self.targets > 0)).all(axis=1))

    @property
    def num_groups(self) -> int:
        return len(np.unique(self.groups))
