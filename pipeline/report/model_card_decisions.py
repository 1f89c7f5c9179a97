"""How a score becomes a decision, in the words of the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core.estimate import Estimate
from pipeline.core.sample_codec import noun_of
from pipeline.media.choice import media_of_card
from pipeline.report.decisions import describe_calibration, describe_class_drift, describe_coverage
from pipeline.report.distance_text import describe_distance
from pipeline.report.formatting import with_noun
from pipeline.report.markdown import bullets, escape

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.core.results import StoredFinding


def describe_decisions(decisions: JsonObject, card: JsonObject, class_drift: StoredFinding | None = None) -> str:
    """The section in Markdown: the rule of the policy, what is left to a person, and what test shows of both.

    Args:
        decisions: `reports/policy_figures.json`.
        card: Of the predictor.
        class_drift: What the check of that name found; None where it was switched off.
    """
    policy, figures = decisions["policy"], decisions["figures"]
    known = {name: Estimate.from_json(entry) for name, entry in figures.items()}
    rows, noun = decisions["rule"], noun_of(media_of_card(card.get("packing") or {}))
    lines = [
        with_noun(describe_calibration(policy, known), noun),
        *(
            f"{row['class']} is predicted where its score is at least {row['threshold']:.3g}, chosen on val"
            for row in rows
        ),
        "" if rows else _describe_rule(policy, card, noun),
        _describe_abstention(policy, noun),
        with_noun(describe_distance(policy, known), noun),
        with_noun(describe_coverage(policy, known, decisions["exchangeability"]["state"]), noun),
        decisions["exchangeability"]["sentence"],
        describe_class_drift(class_drift),
        *policy["notes"],
    ]
    return "### Decisions\n\n" + bullets(escape(line) for line in lines if line)


def _describe_rule(policy: JsonObject, card: JsonObject, noun: str) -> str:
    if policy["rule"]["costs"] is not None:
        return "The class with the lowest expected cost is predicted (aim.costs)."
    if (card.get("task") or {}).get("thresholds"):
        return "A label is predicted where its score reaches its threshold, which was chosen on val."
    if (card.get("task") or {}).get("names"):
        return f"A {noun} belongs to the cluster with the highest score."
    return "The class with the highest score is predicted." if policy["exclusive"] else ""


def _describe_abstention(policy: JsonObject, noun: str) -> str:
    """Which scores leave a sample to a person; empty where none does but far ones are left to a person."""
    if policy["abstention"] == "confidence":
        return f"A {noun} whose highest score is below {100 * policy['min_confidence']:.3g} % is left to a person"
    if policy["abstention"] == "sets" and policy["set_thresholds"] is not None:
        return f"A {noun} whose prediction set does not hold exactly one class is left to a person"
    far_abstains = (policy.get("out_of_distribution") or {}).get("abstains")
    if policy["abstention"] == "sets":
        return "No prediction sets could be fitted" + ("" if far_abstains else f", so no {noun} is left to a person")
    return "" if far_abstains else f"Every {noun} gets a decision; none is left to a person"
