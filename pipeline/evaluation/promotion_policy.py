"""From what each gate found to the decision: promote, or not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pipeline.core.results import Evidence, NamedResult, Verdict
from pipeline.evaluation.margin_text import BEYOND

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import Contest, Gate
    from pipeline.core.results import GateResult

FIRST = "promoted without a comparison: there was no champion"


def decide_promotion(gates: Mapping[str, Gate], contest: Contest) -> Verdict:
    """Promotes where one proof passes and no limit refuses.

    A limit that cannot be judged refuses only if it is essential; a proof that cannot be judged proves nothing. Where
    there is no champion nothing has to be proved, and the limits alone decide.

    Args:
        gates: By name.
        contest: The two models.
    """
    found = {name: gate(contest) for name, gate in gates.items()}
    results = [NamedResult(name=name, question=gates[name].question, result=one) for name, one in found.items()]
    blocking = ("refused", "cannot_be_judged")
    refusals = [
        one.sentence
        for name, one in found.items()
        if not gates[name].is_proof and one.outcome in (blocking if gates[name].is_essential else blocking[:1])
    ]
    proofs = {name: one for name, one in found.items() if gates[name].is_proof}
    proven = [one.sentence for one in proofs.values() if one.outcome == "passed"]
    needs_proof = contest.champion is not None
    promote = not refusals and bool(proven or not needs_proof)
    reasons = refusals or (proven if needs_proof else [FIRST])
    if needs_proof and not proven:
        reasons = [*reasons, *(_unproven(proofs.values()) or ["no gate compares it with the champion"])]
    margin = found.get("above_properties")
    if margin is not None and BEYOND in margin.figures and margin.sentence not in reasons:
        reasons = [*reasons, margin.sentence]
    return Verdict(promote, [*reasons, *contest.notes], _collect_evidence(found.values()), results)


def _unproven(proofs: Iterable[GateResult]) -> list[str]:
    """Each different sentence once: two gates that cannot compare say the same."""
    return list(dict.fromkeys(one.sentence for one in proofs if one.outcome != "not_needed"))


def _collect_evidence(found: Iterable[GateResult]) -> Evidence:
    """The figures that reports show: both models, the gain and its limit of the proof that counts, and the margin."""
    proof: Evidence = {}
    margin: Evidence = {}
    has_passed = False
    for one in found:
        if BEYOND in one.figures:
            margin |= one.figures
        elif "gain" in one.figures and (not proof or (one.outcome == "passed" and not has_passed)):
            proof = dict(one.figures)  # the first proof that passes, or else the first
            has_passed = one.outcome == "passed"
    return {**proof, **margin}
