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

SHOWN = 5  # conflicts
NO_LABEL = "none of the labels"


@final
@dataclass(frozen=True, kw_only=True)
class ConflictingLabels(Check):
    """Labelled samples that have a copy with other labels: the same photograph, or hashes close to each other.

    Args:
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as the same picture.
        max_samples: Largest accepted number.
    """

    question: ClassVar[str] = "Does the same picture occur twice, with different labels?"

    near_duplicate_bits: Annotated[int, Interval(ge=0, le=16)]
    max_samples: Count
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        labelled = samples[are_labelled(samples)].reset_index(drop=True)
        label_texts = labelled["labels"].map(lambda names: ", ".join(names) or NO_LABEL).to_numpy(dtype=str)
        names = labelled["sample_id"].to_numpy()
        near, copy = near_duplicates_across(
            labelled["perceptual_hash"], self.near_duplicate_bits, pd.Series(label_texts)
        )
        paired, duplicate = shared_key_across(labelled[["duplicate"] if "duplicate" in labelled else []], label_texts)
        num_samples = int((near | paired).sum())
        conflicts = np.flatnonzero(near | paired)[: 2 * SHOWN]  # a pair may occur in both directions
        copies = {one: copy(one) if near[one] else duplicate(one) for one in conflicts.tolist()}
        pairs = list({frozenset(pair): pair for pair in reversed(copies.items())}.values())[::-1][:SHOWN]
        return Finding(
            value=float(num_samples),
            limit=float(self.max_samples),
            unit="samples with a copy under other labels",
            worst={
                str(names[one]): f"{label_texts[one]}; copy {names[other]} is {label_texts[other]}"
                for one, other in list(copies.items())[:SHOWN]
            },
            advice="Look at each pair. If both are one picture, decide which label is right, or drop both.",
            sentence=(
                f"{num_samples:,} picture{' has' if num_samples == 1 else 's have'} a copy or a near-duplicate "
                "with other labels."
                if num_samples
                else "No picture occurs twice with different labels."
            ),
            pictures={
                f"{names[one]}: {label_texts[one]}; {names[other]}: {label_texts[other]}": [
                    str(names[one]),
                    str(names[other]),
                ]
                for one, other in pairs
            },
            obstacle=""
            if len(set(label_texts)) > 1
            else "The pictures have fewer than two labels, so no two can conflict; label pictures of other classes.",
        )
