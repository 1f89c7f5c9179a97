"""What follows from the decisions about changed pictures: the verdicts, how far the change went, and which to show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.evaluation import counterfactual_text as text
from pipeline.evaluation.counterfactual_results import Example
from pipeline.evaluation.counterfactual_samples import Subjects
from pipeline.evaluation.interventions.matching import measure_property

CHANCE = 0.5  # a balanced accuracy
MIN_REACH = 0.5  # of the way to the other class; a change that goes less far proves nothing


def decide_state(difference: Estimate, reach: float, min_difference: float) -> text.State:
    """`follows` where the whole interval of the difference of the flip rates is above 0, and it is large."""
    if not reach >= MIN_REACH or difference.value is None or difference.low is None:
        return "cannot_be_judged"
    if difference.low <= 0:
        return "not_shown"
    return "follows" if difference.value >= min_difference else "slight"


def decide_outer(label: str, intervention: str, accuracy: Estimate, min_difference: float) -> text.Verdict:
    """Whether the model decides by the outer part of the picture alone: the rule of `decide_state`, against chance.

    Args:
        label: On which it decides.
        intervention: That says how wide the outer part is.
        accuracy: By the outer part alone, balanced over both sides of the label, so that 0.5 is chance.
        min_difference: Smallest excess over chance that counts.
    """
    state: text.State = "cannot_be_judged"
    if accuracy.value is not None and accuracy.low is not None:
        excess = accuracy.value - CHANCE
        state = "not_shown" if accuracy.low <= CHANCE else "follows" if excess >= min_difference else "slight"
    return text.Verdict(state=state, sentence=text.describe_outer(label, intervention, state, accuracy))


def measure_reach(pictures: Sequence[np.ndarray], name: str, toward: np.ndarray) -> float:
    """How far the property went on average, as a share of the way to the other class; 0 where there is no way.

    Args:
        pictures: Before, after, and those of the other class, (N, H, W, C) each.
        name: Of the property.
        toward: (N,) 1 where the other class has more of it, -1 where less.
    """
    if not len(toward):
        return 0.0
    now, then, wanted = (measure_property(one, name) for one in pictures)
    way = float(((wanted - now) * toward).mean())
    return float(((then - now) * toward).mean()) / way if way > 0 else 0.0


def pick_examples(
    subjects: Subjects,
    decided: np.ndarray,
    decided_control: np.ndarray,
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray],
    most: int,
) -> list[Example]:
    """The first pictures whose decision moved, then others, both sides in turn."""
    moved = decided != subjects.has
    turn = pd.Series(subjects.has).groupby([subjects.has, moved]).cumcount().to_numpy()
    return [
        Example(
            sample_id=str(subjects.sample_ids[row]),
            has=bool(subjects.has[row]),
            after=bool(decided[row]),
            control=bool(decided_control[row]),
            pictures=np.stack([one[row] for one in pictures]),
        )
        for row in np.lexsort((turn, ~moved))[:most]
    ]
