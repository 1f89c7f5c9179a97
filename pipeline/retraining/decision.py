"""From evidence to the decision whether the pipeline runs, with what each rule says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.core.retrain_contracts import Opinion, RetrainEvidence, RetrainRule

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

WORDS = {True: "retrain", False: "no reason", None: "cannot be judged"}


@final
@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether the pipeline runs, and why.

    Attributes:
        does_run: Whether it runs.
        reason: In one sentence.
        opinions: Rule to what it says.
    """

    does_run: bool
    reason: str
    opinions: Mapping[str, Opinion]

    def to_json(self) -> JsonObject:
        opinions = {
            name: {"says": WORDS[opinion.is_reason], "sentence": opinion.sentence}
            for name, opinion in self.opinions.items()
        }
        return {"does_run": self.does_run, "reason": self.reason, "rules": opinions}


def decide(rules: Mapping[str, RetrainRule], evidence: RetrainEvidence) -> Decision:
    """One rule with a reason is enough, where any labelled sample has changed: the same data give the same model."""
    opinions = {name: rule(evidence) for name, rule in rules.items()}
    reasons = [name for name, opinion in opinions.items() if opinion.is_reason]
    if evidence.changes.num_before is None and evidence.champion_days is None:
        return Decision(does_run=True, reason="No finished run is known here.", opinions=opinions)
    if not evidence.changes.total:
        what = f" although {', '.join(reasons)} would be a reason" if reasons else ""
        return Decision(
            does_run=False,
            reason=f"No {evidence.changes.unit} has changed, so a run would give the same model{what}.",
            opinions=opinions,
        )
    if reasons:
        return Decision(does_run=True, reason=" ".join(opinions[name].sentence for name in reasons), opinions=opinions)
    return Decision(does_run=False, reason="No rule gives a reason to retrain.", opinions=opinions)
