"""What the properties of the pictures alone reach is the floor of a promotion."""

import pytest
from file_options import from_file

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate, write_estimates
from pipeline.core.results import Verdict
from pipeline.tracking.promotion import Options, with_baseline_margin


def test_what_may_be_below_the_nuisances():
    with pytest.raises(ValueError, match=r"^below_baseline must be 'refuse' or 'warn', got 'ignore'$"):
        from_file(Options, model_name="model", below_baseline="ignore", max_test_readings=25)


@pytest.mark.parametrize(
    ("ends", "below", "promote", "words"),
    [
        ((0.1, 0.3), "refuse", True, "the model uses more than these properties"),
        ((-0.1, 0.3), "refuse", True, "it is not shown to use more than these properties"),
        (
            (-0.3, -0.1),
            "refuse",
            False,
            "these properties alone do better; where that shortcut is known and remedied, set",
        ),
        ((-0.3, -0.1), "warn", True, "these properties alone do better"),
    ],
)
def test_what_the_properties_alone_reach_is_the_floor(project, ends, below, promote, words):
    margin = Estimate(value=sum(ends) / 2, low=ends[0], high=ends[1], n=4, groups=4)
    write_estimates(artifacts.TEST_METRICS, {"baseline_margin": margin})
    verdict = with_baseline_margin(Verdict(True, ["promoted without a comparison"], {"gain": 1}), below)
    assert verdict.promote is promote
    assert words in verdict.reasons[-1]
    assert verdict.evidence == {"gain": 1, "baseline_margin": margin}
    assert verdict.evidence_to_json() == {"gain": 1, "baseline_margin": margin.to_json()}
    assert not with_baseline_margin(Verdict(False, ["no"]), below).promote


def test_without_a_floor_the_gate_alone_decides(project):
    artifacts.write_json(artifacts.TEST_METRICS, {})
    verdict = Verdict(True, ["promoted without a comparison"])
    assert with_baseline_margin(verdict, "refuse") is verdict
