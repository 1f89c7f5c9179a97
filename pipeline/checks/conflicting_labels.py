"""Does the same picture occur twice, with different labels?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Check
from pipeline.core.labels import are_labelled
from pipeline.core.ranges import Count
from pipeline.core.results import Finding
from pipeline.datasets.near_duplicates.groups import near_duplicates_across, shared_key_across

SHOWN, SHOWN_ALIKE = 4, 2  # pairs of each kind
NO_LABEL = "none of the labels"


@final
@dataclass(frozen=True, kw_only=True)
class ConflictingLabels(Check):
    """Labelled samples whose pixels also occur with other labels: one of the labels is wrong.

    The pixels are those of `content_hash` (equal when decoded) and `same_picture` (equal but for size, crop,
    compression and brightness). Pictures of other labels that only look alike (near-duplicates, or hashes close to each
    other) are counted in the sentence and the table: a crack can be all that differs, so both labels can be right.

    Args:
        near_duplicate_bits: Pictures with perceptual hashes within this many of 64 bits look alike.
        max_samples: Largest accepted number of samples with the same pixels under other labels.
    """

    question: ClassVar[str] = "Does the same picture occur twice, with different labels?"

    near_duplicate_bits: Annotated[int, Interval(ge=0, le=16)]
    max_samples: Count
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        labelled = samples[are_labelled(samples)].reset_index(drop=True)
        texts = labelled["labels"].map(lambda names: ", ".join(names) or NO_LABEL).to_numpy(dtype=str)
        names = labelled["sample_id"].to_numpy()
        same, partner = shared_key_across(_present(labelled, "content_hash", "same_picture"), texts)
        near, near_partner = near_duplicates_across(
            labelled["perceptual_hash"], self.near_duplicate_bits, pd.Series(texts)
        )
        paired, duplicate = shared_key_across(_present(labelled, "duplicate"), texts)
        alike = (near | paired) & ~same
        conflicts = {one: partner(one) for one in _first(same, SHOWN)}
        others = {one: near_partner(one) if near[one] else duplicate(one) for one in _first(alike, SHOWN_ALIKE)}
        return Finding(
            value=float(same.sum()),
            limit=float(self.max_samples),
            unit="samples whose pixels also occur with other labels",
            worst={
                str(names[one]): f"{texts[one]}; copy {names[other]} is {texts[other]}"
                for one, other in list(conflicts.items())[:SHOWN]
            },
            advice="Look at each pair and decide which label is right. Look-alikes need no decision: a detail can be "
            "what their labels say, so both can be right.",
            sentence=_sentence(int(same.sum()), int(alike.sum())),
            pictures=_strips("", conflicts, SHOWN, names, texts)
            | _strips("look-alikes, ", others, SHOWN_ALIKE, names, texts),
            table=[
                {"pictures with other labels": kind, "samples": int(rows.sum())}
                for kind, rows in (("the same pixels", same), ("look-alikes", alike))
            ],
            obstacle=""
            if len(set(texts)) > 1
            else "The pictures have fewer than two labels, so no two can conflict; label pictures of other classes.",
        )


def _present(samples: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return samples[[name for name in columns if name in samples]]


def _first(rows: np.ndarray, num_pairs: int) -> list[int]:
    """The first rows; twice as many as pairs, since a pair may occur in both directions."""
    return np.flatnonzero(rows)[: 2 * num_pairs].tolist()


def _strips(
    kind: str, partners: dict[int, int], num_pairs: int, names: np.ndarray, texts: np.ndarray
) -> dict[str, list[str]]:
    """Caption to both pictures of each pair, each pair once."""
    pairs = list({frozenset(pair): pair for pair in reversed(partners.items())}.values())[::-1][:num_pairs]
    return {
        f"{kind}{names[one]}: {texts[one]}; {names[other]}: {texts[other]}": [str(names[one]), str(names[other])]
        for one, other in pairs
    }


def _sentence(num_same: int, num_alike: int) -> str:
    text = "No picture occurs twice with different labels."
    if num_same:
        text = (
            f"{num_same:,} picture{'' if num_same == 1 else 's'} occur{'s' * (num_same == 1)} again with other labels, "
            "so one of the labels is wrong."
        )
    if num_alike:
        text += (
            f" {num_alike:,}{' more' * bool(num_same)} look{'s' * (num_alike == 1)} like a picture with other labels; "
            "their pixels differ, so both labels can be right."
        )
    return text
