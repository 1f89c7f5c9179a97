"""Which labels do the pictures contradict?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd

from pipeline.core.content import Content
from pipeline.core.contracts import ContentCheck
from pipeline.core.labels import are_labelled, spelled
from pipeline.core.outcomes import Finding
from pipeline.core.suspects import suspects

SHOWN, SHOWN_EACH = 6, 8  # kinds of mistakes, and pictures of each
NOISE = 5  # pairs of classes named beside the figure


@final
@dataclass(frozen=True, kw_only=True)
class LabelSuspects(ContentCheck):
    """The share of samples whose labels are probably wrong, by confident learning on out-of-fold predictions.

    The listing holds every suspect, in the columns of `data/label_decisions.csv` that a person need not fill in. Labels
    on which a person has decided (the column `decision`) are neither listed nor held against the data; how many of
    them the pictures contradict all the same is said.

    Args:
        max_share: Largest accepted share, 0 to 1.
        num_folds: Parts of the data, each judged by what was learnt on the others; groups are kept whole. At least 2.
        seed: Of the folds.

    Source: Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125.
    """

    max_share: float
    num_folds: int
    seed: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0 <= self.max_share <= 1:
            raise ValueError(f"max_share must be 0 to 1, got {self.max_share}")
        if self.num_folds < 2:
            raise ValueError(f"num_folds must be at least 2, got {self.num_folds}")

    def __call__(self, samples: pd.DataFrame, content: Content) -> Finding:
        has_label = are_labelled(samples)
        known = samples[has_label]
        told = [list(names) for names in known["labels"]]
        decided = known["decision"].notna().to_numpy() if "decision" in known else np.zeros(len(known), dtype=bool)
        groups = known["group"].to_numpy(dtype=str)
        features = content.features if has_label.all() else content.features[has_label]  # a copy, in memory
        found = suspects(features, told, groups, self.num_folds, self.seed, decided)
        suspected = found.table[~decided[found.table["row"].to_numpy()]]
        rows = suspected["row"].to_numpy()
        listing = pd.DataFrame(
            {
                "sample_id": known["sample_id"].to_numpy()[rows],
                "previous": [spelled(told[row]) for row in rows],
                "labels": [spelled(names) for names in suspected["suggested"]],
                "quality": suspected["quality"].round(4).to_numpy(),
                "split": known["split"].to_numpy()[rows],
            }
        )
        return Finding(
            value=round(len(listing) / len(known), 6),
            limit=self.max_share,
            unit="share of samples whose labels the pictures contradict, and nobody has decided on",
            worst={
                f"{given} given for {true}": f"{share:.1%}"
                for (given, true), share in list(found.noise.items())[:NOISE]
            },
            advice="Look at reports/label_suspects.html, and write what you decide into data/label_decisions.csv.",
            sentence=_sentence(len(listing), len(found.table) - len(listing), len(known), found.noise)
            + _unjudged(int(found.unjudged.sum())),
            pictures=_pictures(listing),
            table=[
                {"given_label": given, "true_label": true, "estimated_share_of_the_true": round(share, 4)}
                for (given, true), share in found.noise.items()
            ],
            listing=listing,
        )


def _sentence(num_open: int, num_decided: int, num_samples: int, noise: dict[tuple[str, str], float]) -> str:
    if num_open:
        told = f"Of {num_samples:,} labelled pictures, {num_open:,} do not look like what the label says."
        if noise:
            (given, true), share = next(iter(noise.items()))
            told += f" Most often \u201c{true}\u201d seems to be labelled \u201c{given}\u201d ({share:.1%} of it)."
    else:
        told = f"Of {num_samples:,} labelled pictures, none contradicts its label."
        told = told if not num_decided else told.replace("none", "no other")
    if num_decided:
        told += f" {num_decided:,} more look wrong, but a person has decided on them."
    return told


def _unjudged(num: int) -> str:
    if not num:
        return ""
    return (
        f" {num:,} could not be judged: all that have such a label are of one group, and nothing tells the two apart."
    )


def _pictures(listing: pd.DataFrame) -> dict[str, list[str]]:
    """The worst suspects, those of one kind of mistake side by side."""
    strips: dict[str, list[str]] = {}
    for sample, given, suggested in listing[["sample_id", "previous", "labels"]].itertuples(index=False):
        caption = f"labelled {given or 'none of the labels'}, looks like {suggested or 'none of the labels'}"
        if caption in strips or len(strips) < SHOWN:
            strips.setdefault(caption, []).append(str(sample))
    return {caption: names[:SHOWN_EACH] for caption, names in strips.items()}
