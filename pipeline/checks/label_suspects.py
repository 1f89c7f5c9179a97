"""With which labels does a model trained on the other pictures disagree?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Ge

from pipeline.checks.label_quality.confident_learning import find_label_issues
from pipeline.core.content import EmbeddedImages
from pipeline.core.contracts import FeatureCheck
from pipeline.core.labels import are_labelled, labels_to_text
from pipeline.core.ranges import Fraction, Seed
from pipeline.core.results import Finding

SHOWN, SHOWN_EACH = 6, 8  # kinds of mistakes, and pictures of each
UNIT = "share of samples with whose labels the model disagrees, beyond what unclear pictures alone would give"
LISTED = ("sample_id", "previous", "labels", "quality", "p_suggested", "model", "split")
CONFIDENT = 0.8  # probability of another label
FEW = 20  # pictures of the middle class; a model trained on fewer cannot review labels
NOISE = 5  # pairs of classes listed with the figure


@final
@dataclass(frozen=True, kw_only=True)
class LabelSuspects(FeatureCheck):
    """The share of samples with whose labels the model disagrees, by confident learning on out-of-fold predictions.

    The share expected without any wrong label is subtracted: where classes overlap, the model disagrees with correct
    labels of unclear pictures. It comes from labels sampled from the predicted probabilities, passed through the same
    procedure.

    The listing holds every suspect, first those whose given label is least likely compared with the suggested one: the
    columns of `data/label_decisions/` that need no person, the probability of the given label (`quality`) and of the
    suggested one, and whether the `model` is confident of that. Labels on which a person has decided (the column
    `decision`) are neither listed nor counted; the sentence says with how many of them the model still disagrees.

    Where the features tell the classes apart no better than chance (`features/class_separation.py`), no suspect is
    listed and the check cannot be judged: such a model disagrees with right labels too.

    Where half of the classes have fewer than 20 pictures the finding is noted (with `on_fail: warn`): a model that was
    trained on so few is often wrong itself.

    Args:
        max_share: Largest accepted share beyond the expected one, 0 to 1, of the samples that could be tested.
        num_folds: Folds of the cross-validation, at least 2; each group is in one fold.
        seed: Seed of the folds.

    Source: Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125.
    """

    question: ClassVar[str] = "With which labels does a model trained on the other pictures disagree?"

    max_share: Fraction
    num_folds: Annotated[int, Ge(2)]
    seed: Seed
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame, content: EmbeddedImages) -> Finding:
        has_label = are_labelled(samples)
        known = samples[has_label]
        labels = [list(names) for names in known["labels"]]
        decided = known["decision"].notna().to_numpy() if "decision" in known else np.zeros(len(known), dtype=bool)
        groups = known["group"].to_numpy(dtype=str)
        if len({name for names in labels for name in names}) < 2:
            return self._cannot_judge(
                "The pictures have fewer than two labels, so no other label can be suggested; label other classes."
            )
        features = content.features if has_label.all() else content.features[has_label]  # a copy, in memory
        found = find_label_issues(features, labels, groups, self.num_folds, self.seed, decided)
        if found.untestable.all() or found.separation.accuracy.value is None:
            return self._cannot_judge(
                "All pictures with a label are in one group, so no model can be trained without that group; give "
                "smaller groups, or collect the labels from other groups too."
            )
        if not found.separation.beats_chance:
            return self._cannot_judge(found.separation.obstacle)
        suspected = found.table[~decided[found.table["row"].to_numpy()]]
        rows = suspected["row"].to_numpy()
        listing = pd.DataFrame(
            {
                "sample_id": known["sample_id"].to_numpy()[rows],
                "previous": [labels_to_text(labels[row]) for row in rows],
                "labels": [labels_to_text(names) for names in suspected["suggested"]],
                "quality": suspected["quality"].round(4).to_numpy(),
                "p_suggested": suspected["p_suggested"].round(4).to_numpy(),
                "model": np.where(suspected["p_suggested"] >= CONFIDENT, "confident", "unsure"),
                "split": known["split"].to_numpy()[rows],
            }
        )
        num_testable = int((~found.untestable).sum())
        by_chance = float(found.by_chance[~decided].sum())
        return Finding(
            value=round(max(0.0, len(listing) - by_chance) / num_testable, 6),
            limit=self.max_share,
            unit=UNIT,
            worst={
                f"labelled {given}, the model says {true}": f"{100 * share:.1f} %"
                for (given, true), share in list(found.noise.items())[:NOISE]
            },
            advice="Look at reports/label_suspects.html and decide there; it has lines for data/label_decisions/.",
            sentence=_sentence(listing, by_chance, len(found.table) - len(listing), len(known), found.noise)
            + _untestable_note(int(found.untestable.sum())),
            pictures=_pictures(listing),
            table=[
                {"given_label": given, "true_label": true, "estimated_share_of_the_true": round(share, 4)}
                for (given, true), share in found.noise.items()
            ],
            listing=listing,
            note=_few_note(labels) if self.on_fail == "warn" else "",
        )

    def _cannot_judge(self, obstacle: str) -> Finding:
        listing = pd.DataFrame({name: [] for name in LISTED})
        return Finding(value=0.0, limit=self.max_share, unit=UNIT, listing=listing, obstacle=obstacle)


def _sentence(
    listing: pd.DataFrame, by_chance: float, num_decided: int, num_samples: int, noise: dict[tuple[str, str], float]
) -> str:
    if len(listing):
        confident = int((listing["model"] == "confident").sum())
        text = (
            f"Of {num_samples:,} labels, {len(listing):,} {'is' if len(listing) == 1 else 'are'} worth a look: the "
            f"model is confident of another label for {confident:,} and unsure about {len(listing) - confident:,}. "
            f"Without any wrong label there would be about {by_chance:,.0f}, because pictures are unclear."
        )
        if noise:
            given, true = next(iter(noise))
            text += f" Most often the label says \u201c{given}\u201d and the model \u201c{true}\u201d."
    else:
        text = f"Of {num_samples:,} labels, none {'other ' * bool(num_decided)}is worth a look."
    if num_decided:
        text += f" {num_decided:,} more look wrong, but a person has decided on them."
    return text


def _few_note(labels: list[list[str]]) -> str:
    middle = pd.Series([name for names in labels for name in names]).value_counts().median()
    if middle >= FEW:
        return ""
    return f"Half of the classes have at most {middle:,.0f} pictures: a model trained on so few is often wrong itself."


def _untestable_note(num: int) -> str:
    if not num:
        return ""
    return (
        f" {num:,} could not be tested: all pictures with such a label are in one group, so label and group cannot be "
        "separated."
    )


def _pictures(listing: pd.DataFrame) -> dict[str, list[str]]:
    """The worst suspects, grouped by the kind of mistake."""
    strips: dict[str, list[str]] = {}
    for sample, given, suggested in listing[["sample_id", "previous", "labels"]].itertuples(index=False):
        caption = f"labelled {given or 'none of the labels'}, looks like {suggested or 'none of the labels'}"
        if caption in strips or len(strips) < SHOWN:
            strips.setdefault(caption, []).append(str(sample))
    return {caption: names[:SHOWN_EACH] for caption, names in strips.items()}
