"""What a model says of samples, for the page: of the trained model where it is stored, of a linear probe elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.manifest_schema import NONE, POOL
from pipeline.features.linear_probe import make_probe, pca_directions

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 5  # classes with the highest scores
MOST_FITTED = 5_000  # samples to which the probe is fitted
SHOWN_SPLITS = (POOL, NONE, "train", "val")  # nobody sees what a model says of the part on which it is measured
INVERSE_PENALTY = 1.0  # with 110 labels of ten classes 0.72 are right, and 0.43 with the 0.01 of the checks
LEAST = 0.5  # score from which one of several labels is predicted


@final
@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a model says of one sample.

    Attributes:
        labels: That it predicts.
        scores: The classes with the highest scores, 0 to 1, the highest first.
        by: `model`, `probe` (fitted to frozen features) or `curate` (out of fold, of a suspicious label).
    """

    labels: tuple[str, ...]
    scores: tuple[tuple[str, float], ...]
    by: str

    @property
    def score(self) -> float:
        """The highest one."""
        return self.scores[0][1]


def read_predictions(row_of: dict[str, int]) -> dict[int, Suggestion]:
    """Row to what the model of the last run says of val; nothing where there was no run."""
    if not artifacts.PREDICTIONS.exists():
        return {}
    classes = list(map(str, artifacts.read_metadata(artifacts.PREDICTIONS).get("classes", [])))
    table = artifacts.read_table(artifacts.PREDICTIONS)
    table = table[(table["split"] == "val") & table["sample_id"].isin(row_of)]
    if not classes or not len(table):
        return {}
    found = {}
    for name, decided, scores in zip(table["sample_id"], table["decided"], table["scores"], strict=True):
        found[row_of[name]] = _suggest(np.asarray(scores), classes, "model", list(decided))
    return found


def read_suspects(row_of: dict[str, int]) -> tuple[list[int], dict[int, Suggestion]]:
    """Rows whose labels the stage curate suspects, the most suspect first, and what it suggests."""
    if not artifacts.SUSPECTS.exists():
        return [], {}
    table = pd.read_csv(artifacts.SUSPECTS, dtype={"sample_id": str, "labels": str}, keep_default_na=False)
    if not {"sample_id", "labels", "p_suggested"} <= set(table.columns):
        return [], {}
    table = table[table["sample_id"].isin(row_of)]
    may_show = table["split"].isin(SHOWN_SPLITS) if "split" in table else pd.Series(True, index=table.index)
    rows = [row_of[name] for name in table["sample_id"]]
    scores = pd.to_numeric(table["p_suggested"], errors="coerce").fillna(0.0).clip(0, 1)
    found = {
        row: Suggestion(labels=(label,), scores=((label, float(score)),), by="curate")
        for row, label, score, is_shown in zip(rows, table["labels"], scores, may_show, strict=True)
        if is_shown
    }
    return rows, found


def fit_suggestions(
    features: np.ndarray, labels: Sequence[list[str] | None], splits: np.ndarray, exclusive: bool, seed: int
) -> dict[int, Suggestion]:
    """Row to what a probe says that is fitted to the labelled samples of train; of these it says nothing.

    Args:
        features: (N, D) frozen features, or what `reduce` made of them.
        labels: (N) those of now, None where nobody knows.
        splits: (N,) of each sample.
        exclusive: Whether a sample has exactly one label.
        seed: Of the sample to which the probe is fitted, where there are more.
    """
    may_learn = np.isin(splits, [POOL, NONE, "train"])
    is_known = np.array([names is not None and (len(names) == 1 or not exclusive) for names in labels], dtype=bool)
    known = np.flatnonzero(is_known & may_learn)
    if len(known) > MOST_FITTED:
        known = np.sort(np.random.default_rng(seed).choice(known, MOST_FITTED, replace=False))
    counted = [labels[int(row)] or [] for row in known]
    classes = sorted({name for names in counted for name in names})
    is_new = np.array([names is None for names in labels], dtype=bool)
    wanted = np.flatnonzero((is_new | (splits == "val")) & np.isin(splits, SHOWN_SPLITS))
    if len(classes) < 2 or not len(wanted):
        return {}
    scores = _predict(features, known, wanted, counted, classes, exclusive)
    return {
        int(row): _suggest(values, classes, "probe", None if exclusive else _above(values, classes))
        for row, values in zip(wanted, scores, strict=True)
    }


def reduce(features: np.ndarray, seed: int) -> np.ndarray:
    """(N, at most 256) float32 principal components of the features, as the probes of the checks take them."""
    return pca_directions(features, seed)


def _predict(
    features: np.ndarray,
    known: np.ndarray,
    wanted: np.ndarray,
    labels: list[list[str]],
    classes: list[str],
    exclusive: bool,
) -> np.ndarray:
    """(len(wanted), K) scores."""
    inputs, targets = np.asarray(features[known]), np.asarray(features[wanted])
    if exclusive:
        fitted = make_probe(INVERSE_PENALTY).fit(inputs, [names[0] for names in labels])
        return np.asarray(fitted.predict_proba(targets))
    columns = []
    for name in classes:
        has = np.array([name in names for names in labels])
        one_sided = np.full(len(targets), float(has.all()))
        columns.append(
            one_sided
            if has.all() or not has.any()
            else make_probe(INVERSE_PENALTY).fit(inputs, has).predict_proba(targets)[:, 1]
        )
    return np.stack(columns, axis=1)


def _above(scores: np.ndarray, classes: list[str]) -> list[str]:
    return [name for name, score in zip(classes, scores, strict=True) if score >= LEAST]


def _suggest(scores: np.ndarray, classes: list[str], by: str, decided: list[str] | None) -> Suggestion:
    first = np.argsort(-scores, kind="stable")[:SHOWN]
    best = tuple((classes[place], float(scores[place])) for place in first)
    return Suggestion(labels=(best[0][0],) if decided is None else tuple(decided), scores=best, by=by)
