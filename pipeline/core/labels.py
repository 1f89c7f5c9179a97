"""Lists of label names to matrices or to text, and back; and which samples have known labels."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.manifest_schema import SPLITS

if TYPE_CHECKING:
    import pandas as pd

BRACKETS = {"[": "]", "(": ")", "{": "}"}
QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)


def to_matrix(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """Lists of labels to (N, K) float32 in {0, 1}, columns in the order of `classes`."""
    position = {name: column for column, name in enumerate(classes)}
    result = np.zeros((len(labels), len(classes)), dtype=np.float32)
    for row, names in enumerate(labels):
        for name in names:
            result[row, position[name]] = 1
    return result


def to_lists(decided: np.ndarray, classes: Sequence[str]) -> list[list[str]]:
    """(N, K) bool to lists of labels, each in the order of `classes`; empty where nothing was decided."""
    names = np.array(classes, dtype=object)
    return [names[row].tolist() for row in decided]


def are_labelled(samples: pd.DataFrame) -> np.ndarray:
    """(N,) bool, whether the labels of each sample are known: it has some, or is a negative of every label.

    Args:
        samples: `labels`; where there are negatives a bool `negative` (somebody looked, and none of the labels
            applies); after the split also `split`: a negative in none of train, val and test counts as unlabelled.
    """
    known = np.array([len(names) > 0 for names in samples["labels"]], dtype=bool)
    if "negative" not in samples:
        return known
    negative = samples["negative"].to_numpy(dtype=bool)
    if "split" in samples:
        negative = negative & samples["split"].isin(SPLITS).to_numpy(dtype=bool)
    return known | negative


def without_negatives(samples: pd.DataFrame) -> pd.DataFrame:
    """The rows as a task with exactly one label per sample sees them: a negative of every label is unlabelled."""
    return samples.drop(columns="negative", errors="ignore")


def without_labels(samples: pd.DataFrame, counts: np.ndarray) -> pd.DataFrame:
    """The rows as a task without labels sees them: all alike, and none is left out for want of a label.

    Args:
        samples: Rows of the manifest.
        counts: (N,) bool; the others take part in no split.
    """
    return samples.assign(labels=[[] for _ in range(len(samples))], negative=counts)


def labels_to_text(labels: Sequence[str]) -> str:
    """Labels as one cell of a table: joined by `|`, or a JSON list where that would not come back the same."""
    plain = "|".join(labels)
    return plain if _parts(plain) == list(labels) else json.dumps(list(labels), ensure_ascii=False)


def parse_labels(text: str) -> list[str]:
    """The labels of a cell that `labels_to_text` wrote, or a person: `cat`, `cat|dog`, `["a|b"]`, or empty for none.

    Raises:
        ValueError: It begins like a JSON list, but is not a list of strings.
    """
    if not text.startswith("["):
        return _parts(text)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{text[:80]!r} begins like a JSON list, but is not valid JSON") from None
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise ValueError(f"{text[:80]!r} is not a JSON list of strings")
    return names


def _parts(text: str) -> list[str]:
    return [] if text.startswith("[") or not text.strip() else [one.strip() for one in text.split("|")]


def is_list(text: str) -> bool:
    """Whether a text is a list in brackets, as `parse_list` reads it."""
    text = text.strip()
    return len(text) > 1 and BRACKETS.get(text[0]) == text[-1]


def parse_list(text: str) -> list[str]:
    """The labels of a list that a program wrote as text; a text without brackets is one label.

    Args:
        text: As JSON (`["a", "b"]`), Python (`['a', 'b']`, `('a',)`, `{'a'}`) or NumPy (`['a' 'b']`, `[a b]`) write it.
    """
    if not is_list(text):
        return [text]
    try:
        names = json.loads(text)
        if all(isinstance(one, (str, int)) for one in names):
            return [str(one) for one in names]
    except (ValueError, RecursionError, TypeError):
        pass
    inner = text.strip()[1:-1]
    quoted = [re.sub(r"\\(.)", r"\1", one or other) for one, other in QUOTED.findall(inner)]
    return quoted or (inner.split(",") if "," in inner else inner.split())
