"""Pictures that are compared: those of the training, or new ones, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.labels import to_matrix
from pipeline.core.manifest_schema import property_columns

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

LISTS = {  # columns that hold a list in each row, and of what
    "labels": 'a list of labels such as ["cat"]',
    "decided": 'a list of labels such as ["cat"]',
    "scores": "a list of numbers",
}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """N pictures and what is known of them.

    Attributes:
        sample_ids: (N,) str.
        groups: (N,) str; pictures of one group resemble each other. None: nobody knows which belong together.
        properties: (N, P) float32 table of `prop_*`, NaN where missing.
        features: (N, D) frozen features; None where there are none.
        targets: (N, K) bool, the true labels, of the rows in `is_labelled`.
        is_labelled: (N,) bool.
        decided: (N, K) bool, the labels that the model in use decided, of the rows in `is_scored`.
        scores: (N, K) float32 in [0, 1], its calibrated scores, of the same rows.
        is_scored: (N,) bool; of the reference only pictures that the model was not fitted to.
        classes: K names, in the order of the columns.
        exclusive: Whether each picture has exactly one label.
    """

    sample_ids: np.ndarray
    groups: np.ndarray | None
    properties: pd.DataFrame
    features: np.ndarray | None
    targets: np.ndarray
    is_labelled: np.ndarray
    decided: np.ndarray
    scores: np.ndarray
    is_scored: np.ndarray
    classes: tuple[str, ...]
    exclusive: bool

    def __len__(self) -> int:
        return len(self.sample_ids)

    @classmethod
    def of_table(
        cls, table: pd.DataFrame, classes: Sequence[str], features: np.ndarray | None = None, exclusive: bool = True
    ) -> Observations:
        """Those of a table: rows of the manifest, logged predictions, or both joined. Every column is optional.

        Args:
            table: N rows with any of `sample_id`; `group`; `prop_*`; `labels` (the true ones, a list each, None or
                empty where unknown, unless `negative` says that none applies); `scores` (K numbers each, in the order
                of the card, None where unknown); and `class` (the decided label) or `decided` (a list of labels):
                without these two the class with the highest score counts, of several labels those of at least 0.5.
            classes: K names, in the order of the scores.
            features: (N, D) of the same rows, by the extractor of the reference.
            exclusive: Whether each picture has exactly one label.

        Raises:
            UserError: Rows and features, or scores and classes, do not fit; a column has text where lists or numbers
                are expected.
        """
        num, names = len(table), [*map(str, classes)]
        if features is not None and len(features) != num:
            raise UserError(f"{len(features):,} feature vectors for {num:,} pictures; give one for each row")
        _refuse_text(table)
        is_labelled = _are_labelled(table) if "labels" in table else np.zeros(num, dtype=bool)
        is_scored = _is_known(table["scores"]) if "scores" in table else np.zeros(num, dtype=bool)
        scores = np.zeros((num, len(names)), dtype=np.float32)
        scores[is_scored] = _read_scores(table["scores"][is_scored], len(names)) if is_scored.any() else 0
        targets = np.zeros(scores.shape, dtype=bool)
        targets[is_labelled] = _to_columns(table["labels"][is_labelled], names) if is_labelled.any() else False
        sample_ids = _name_samples(table)
        return cls(
            sample_ids=sample_ids,
            groups=_to_names(table["group"], sample_ids) if "group" in table else None,
            properties=_read_properties(table),
            features=features,
            targets=targets,
            is_labelled=is_labelled,
            decided=_decide(table, names, scores, exclusive) & is_scored[:, None],
            scores=scores,
            is_scored=is_scored,
            classes=tuple(names),
            exclusive=exclusive,
        )

    def take(self, rows: np.ndarray) -> Observations:
        """Those at some positions, in this order."""
        picked: JsonObject = {
            key: None if (found := getattr(self, key)) is None else found[rows]
            for key in ("sample_ids", "groups", "features", "targets", "decided", "scores", "is_labelled", "is_scored")
        }
        properties = self.properties.iloc[rows].reset_index(drop=True)
        return Observations(**picked, properties=properties, classes=self.classes, exclusive=self.exclusive)


def _name_samples(table: pd.DataFrame) -> np.ndarray:
    """(N,) str; a row without a name has that of its position."""
    if "sample_id" not in table:
        return np.asarray(table.index, dtype=str)
    return _to_names(table["sample_id"], np.array([f"row {row}" for row in range(len(table))], dtype=str))


def _to_names(values: pd.Series, others: np.ndarray) -> np.ndarray:
    """(N,) str of values, and where one is missing that of `others`: a picture without a group counts alone."""
    missing = values.isna().to_numpy(dtype=bool)
    texts = [str(other) if gone else str(one) for one, gone, other in zip(values, missing, others, strict=True)]
    return np.array(texts, dtype=str)


def _refuse_text(table: pd.DataFrame) -> None:
    """Refuses text where a list is expected: it would be read letter by letter."""
    for column, expected in LISTS.items():
        found = next((one for one in table.get(column, ()) if isinstance(one, (str, bytes))), None)
        if found is not None:
            raise UserError(
                f"column {column}: found the text {found[:40]!r}, expected {expected} in each row; write lists, as "
                "Parquet has them"
            )


def _read_properties(table: pd.DataFrame) -> pd.DataFrame:
    """(N, P) float32.

    Raises:
        UserError: A value is no number.
    """
    read = {}
    for column in property_columns(table):
        try:
            read[column] = table[column].astype(np.float32).to_numpy()
        except (ValueError, TypeError) as error:
            raise UserError(
                f"column {column}: expected a number in each row ({error}); convert the column to numbers, or leave it "
                "out"
            ) from None
    return pd.DataFrame(read, index=range(len(table)))


def _are_labelled(table: pd.DataFrame) -> np.ndarray:
    known = np.array([hasattr(one, "__len__") and len(one) > 0 for one in table["labels"]], dtype=bool)
    return known | table["negative"].to_numpy(dtype=bool) if "negative" in table else known


def _is_known(values: pd.Series) -> np.ndarray:
    return np.array([hasattr(one, "__len__") for one in values], dtype=bool)


def _read_scores(values: Iterable[Any], num_classes: int) -> np.ndarray:
    try:
        rows = [np.asarray(one, dtype=np.float32) for one in values]
    except (ValueError, TypeError) as error:
        raise UserError(
            f"column scores: expected {num_classes} numbers in each row ({error}); log the scores of the model"
        ) from None
    wrong = next((len(one) for one in rows if one.shape != (num_classes,)), None)
    if wrong is not None:
        raise UserError(
            f"a picture has {wrong} scores, expected {num_classes}, a score for each class; "
            "compare predictions with the model that made them"
        )
    return np.stack(rows)


def _decide(table: pd.DataFrame, classes: list[str], scores: np.ndarray, exclusive: bool) -> np.ndarray:
    if "decided" in table:
        return _to_columns([one if hasattr(one, "__len__") else [] for one in table["decided"]], classes)
    if "class" in table and exclusive:
        return _to_columns([[str(one)] for one in table["class"]], classes)
    return np.asarray(scores.argmax(axis=1)[:, None] == np.arange(len(classes))) if exclusive else scores >= 0.5


def _to_columns(labels: Iterable[Iterable[str]], classes: list[str]) -> np.ndarray:
    """(N, K) bool; a label that is no class of the model has no column."""
    return to_matrix([[one for one in row if one in classes] for row in labels], classes).astype(bool)
