"""What follows from a test of a suspected property, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.core.estimate import Estimate
from pipeline.evaluation.suspicions import Suspicion

State = Literal["follows", "slight", "not_shown", "cannot_be_judged"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A state, and what it means in one sentence."""

    state: State
    sentence: str


NO_INTERVENTION = "no intervention in params.yaml changes this property in a picture"
NO_PICTURES = "the samples are clips or volumes, and interventions change pictures only"
NOT_PACKED = "the packed pictures have no such label or property"
NOT_MEASURED = "no test picture has this property measured"
NO_DIRECTION = "the middle picture with the label and the middle one without it have the same value in train"
MOST_NAMED = 5  # properties that were not tested


def describe(
    suspicion: Suspicion,
    intervention: str,
    state: State,
    figures: Mapping[str, Estimate],
    reach: float,
    min_difference: float,
) -> str:
    """The verdict, with the figures behind it."""
    what, difference = suspicion.words, figures["difference"]
    if state == "cannot_be_judged":
        return describe_obstacle(suspicion, _obstacle(difference, reach), intervention)
    found = (
        f"with the {what} of the other class ({intervention.replace('_', ' ')}) its correct decision on "
        f"{suspicion.label} is lost in "
        f"{_percent(figures['flip_rate'])} of the pictures, after as large a change that keeps to the own class in "
        f"{_percent(figures['control_flip_rate'])}; difference {_points(difference)}"
    )
    if state == "follows":
        return f"The model follows {what}: {found}."
    if state == "slight":
        return f"The model follows {what} slightly: {found}, less than the {100 * min_difference:g} points that count."
    return f"The model is not shown to follow {what}: {found}."


def describe_obstacle(suspicion: Suspicion, obstacle: str, intervention: str = "") -> str:
    """Why nothing can be said."""
    by = f" by {intervention.replace('_', ' ')}" if intervention else ""
    return f"Whether the model follows {suspicion.words} cannot be judged{by}: {obstacle}."


def describe_untested(suspicions: Sequence[Suspicion], most: int) -> str:
    """How the sentence on the suspected properties ends: with those that were left out, the best predictors first."""
    if not suspicions:
        return "."
    names = ", ".join(one.words for one in suspicions[:MOST_NAMED])
    more = f" and {len(suspicions) - MOST_NAMED} more" if len(suspicions) > MOST_NAMED else ""
    return f"; only the best predictors are tested (intervene.max_properties={most}), not {names}{more}."


def describe_outer(label: str, intervention: str, state: State, accuracy: Estimate) -> str:
    """The verdict on the outer part alone, with the figure behind it."""
    by = intervention.replace("_", " ")
    if state == "cannot_be_judged":
        reason = accuracy.caveat or "there are no pictures with the label, or none without it"
        return f"Whether the model decides on {label} by the outer part alone cannot be judged ({by}): {reason}."
    found = f"without a middle ({by}) {_percent(accuracy)} of the decisions are right, balanced, where 50 % is chance"
    if state == "not_shown":
        return f"The model is not shown to decide on {label} by the outer part alone: {found}."
    slightly = " slightly" if state == "slight" else ""
    return f"The model decides on {label}{slightly} by the outer part alone: {found}."


def _obstacle(difference: Estimate, reach: float) -> str:
    if not difference.n:
        return "no test picture with the property of its own class is decided correctly"
    if difference.low is None:
        return difference.caveat or "the difference has no interval"
    return f"the changed pictures go only {100 * max(0.0, reach):.0f} % of the way to the other class"


def _percent(figure: Estimate) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "an unknown share"
    return f"{100 * figure.value:.1f} % ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _points(figure: Estimate) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "unknown"
    return f"{100 * figure.value:+z.1f} points ({100 * figure.low:+z.1f} to {100 * figure.high:+z.1f})"
