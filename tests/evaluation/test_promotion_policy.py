"""One proof must pass, and no limit may refuse."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from gate_examples import make_contest
from predictions_examples import make_predictions

from pipeline.core.evaluation_contracts import Gate
from pipeline.core.results import GateResult
from pipeline.evaluation.promotion_policy import FIRST, decide_promotion

SAME = make_predictions(np.eye(2), np.eye(2))


@dataclass(frozen=True, kw_only=True)
class Says(Gate):
    question: ClassVar[str] = "What?"
    outcome: str

    def __call__(self, contest):
        return GateResult(outcome=self.outcome, sentence=f"{type(self).__name__} {self.outcome}")


class Proof(Says):
    is_proof = True


class Limit(Says):
    pass


class Essential(Says):
    is_essential = True


@pytest.mark.parametrize(
    ("proofs", "limit", "essential", "promote", "reasons"),
    [
        (["passed"], "passed", "passed", True, ["Proof passed"]),
        (["refused", "passed"], "passed", "passed", True, ["Proof passed"]),
        (["refused"], "passed", "passed", False, ["Proof refused"]),
        (["cannot_be_judged"], "passed", "passed", False, ["Proof cannot_be_judged"]),
        (["passed"], "refused", "passed", False, ["Limit refused"]),
        (["passed"], "cannot_be_judged", "passed", True, ["Proof passed"]),
        (["passed"], "passed", "cannot_be_judged", False, ["Essential cannot_be_judged"]),
        (["passed"], "not_needed", "not_needed", True, ["Proof passed"]),
        (["not_needed"], "passed", "passed", False, ["no gate compares it with the champion"]),
        (["refused"], "refused", "passed", False, ["Limit refused", "Proof refused"]),
    ],
)
def test_the_decision(proofs, limit, essential, promote, reasons):
    gates = {f"proof {number}": Proof(outcome=one) for number, one in enumerate(proofs)}
    gates |= {"limit": Limit(outcome=limit), "essential": Essential(outcome=essential)}
    verdict = decide_promotion(gates, make_contest(SAME, SAME, notes=["scored again"]))
    assert (verdict.promote, verdict.reasons) == (promote, [*reasons, "scored again"])
    assert [one.name for one in verdict.gates] == list(gates)
    assert verdict.gates[-1].to_json() == {
        "name": "essential",
        "question": "What?",
        "outcome": essential,
        "sentence": f"Essential {essential}",
        "figures": {},
    }


def test_the_first_version_needs_no_proof_but_passes_the_limits():
    gates = {"proof": Proof(outcome="not_needed"), "limit": Limit(outcome="passed")}
    verdict = decide_promotion(gates, make_contest(SAME, None))
    assert (verdict.promote, verdict.reasons) == (True, [FIRST])
    refused = decide_promotion({**gates, "limit": Limit(outcome="refused")}, make_contest(SAME, None))
    assert (refused.promote, refused.reasons) == (False, ["Limit refused"])


@dataclass(frozen=True, kw_only=True)
class Measures(Says):
    is_proof: ClassVar[bool] = True
    min_gain: float
    power: float | None = None

    def __call__(self, contest):
        figures = {"gain": 0.1, "min_gain": self.min_gain} | ({"power": self.power} if self.power else {})
        return GateResult(outcome=self.outcome, sentence="measured", figures=figures)


@pytest.mark.parametrize(
    ("first", "second", "evidence"),
    [
        ("passed", "passed", {"gain": 0.1, "min_gain": 0.0, "power": 0.9}),
        ("refused", "passed", {"gain": 0.1, "min_gain": -0.01}),
        ("refused", "refused", {"gain": 0.1, "min_gain": 0.0, "power": 0.9}),
    ],
)
def test_the_evidence_is_that_of_one_proof(first, second, evidence):
    gates = {
        "superior": Measures(outcome=first, min_gain=0.0, power=0.9),
        "not_inferior": Measures(outcome=second, min_gain=-0.01),
    }
    assert decide_promotion(gates, make_contest(SAME, SAME)).evidence == evidence
