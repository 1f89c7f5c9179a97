"""When the rules of conf/retrain/ give a reason, by hand-worked numbers."""

from dataclasses import replace

import pytest
from conf_options import composed

from pipeline.core import config
from pipeline.core.retrain_contracts import DataChanges, DriftReading, RetrainEvidence
from pipeline.retraining.decision import decide
from pipeline.retraining.rules.age import Age
from pipeline.retraining.rules.drift import Drift
from pipeline.retraining.rules.new_samples import NewSamples


def changes(new: int = 0, before: int | None = 200, **others: int) -> DataChanges:
    counts = dict.fromkeys(("labelled", "relabelled", "altered", "removed", "unlabelled"), 0) | others
    return DataChanges(num_before=before, num_now=300, new=new, **counts)


def evidence(
    new: int = 0, before: int | None = 200, days: float | None = 5.0, state: str = "not_shown", **others: int
) -> RetrainEvidence:
    drift = DriftReading(state=state, sentence="Brightness is 2 SD up.")  # type: ignore[arg-type]
    return RetrainEvidence(changes=changes(new, before, **others), drift=drift, champion_days=days)


@pytest.mark.parametrize(
    ("new", "others", "expected"),
    [
        *((9, {}, False), (10, {}, True)),  # 5 % of 200 are 10
        *((7, {"relabelled": 1, "altered": 1}, False), (7, {"relabelled": 1, "altered": 1, "removed": 1}, True)),
        (9, {"unlabelled": 50}, False),
    ],
)
def test_changed_samples_count_up_to_the_smaller_limit(new: int, others: dict[str, int], expected: bool) -> None:
    opinion = NewSamples(min_samples=100, min_share=0.05)(evidence(new, **others))
    assert opinion.is_reason is expected
    assert "10 are a reason (the smaller of 100 and 5 % of 200)" in opinion.sentence
    assert NewSamples(min_samples=9, min_share=1.0)(evidence(9)).is_reason


def test_a_share_is_rounded_up_and_never_to_nothing() -> None:
    rule = NewSamples(min_samples=100, min_share=0.07)
    assert not rule(evidence(6, before=100)).is_reason  # 0.07 x 100 is 7.000000000000001
    assert rule(evidence(7, before=100)).is_reason
    assert not NewSamples(min_samples=100, min_share=0.0)(evidence(0)).is_reason


def test_a_project_without_a_finished_run_has_a_reason() -> None:
    assert NewSamples(min_samples=100, min_share=1.0)(evidence(before=None)).is_reason
    assert Age(max_days=90)(evidence(days=None)).is_reason


@pytest.mark.parametrize(
    ("state", "new", "expected", "text"),
    [
        ("drifted", 10, True, "have drifted: Brightness"),
        ("drifted", 9, False, "label some of the new pictures"),
        ("not_shown", 50, False, "No drift is shown"),
        ("cannot_be_judged", 50, None, "Drift cannot be judged"),
    ],
)
def test_drift_needs_labels_to_learn_from(state: str, new: int, expected: bool | None, text: str) -> None:
    opinion = Drift(min_samples=10)(evidence(new, state=state))
    assert opinion.is_reason is expected
    assert text in opinion.sentence


@pytest.mark.parametrize(
    ("arrived", "served", "expected"),
    [
        ("not_shown", "drifted", True),
        ("cannot_be_judged", "drifted", True),
        ("drifted", "not_shown", True),
        ("cannot_be_judged", "not_shown", False),
        ("cannot_be_judged", "cannot_be_judged", None),
    ],
)
def test_drift_of_what_is_served_counts_as_much(arrived: str, served: str, expected: bool | None) -> None:
    reading = DriftReading(state=served, sentence="Contrast is 1 SD down.")  # type: ignore[arg-type]
    opinion = Drift(min_samples=10)(replace(evidence(10, state=arrived), served=reading))
    assert opinion.is_reason is expected
    assert ("Contrast is 1 SD down." in opinion.sentence) == (served == "drifted" or arrived != "drifted")


def test_an_old_champion_is_a_reason() -> None:
    assert [Age(max_days=90)(evidence(days=days)).is_reason for days in (89.9, 90.0)] == [False, True]


def test_one_reason_is_enough_and_the_same_data_are_never_trained_again() -> None:
    rules = {"age": Age(max_days=90), "drift": Drift(min_samples=1)}
    assert decide(rules, evidence(1, days=100.0)).does_run
    assert not decide(rules, evidence(1)).does_run
    idle = decide(rules, evidence(0, days=100.0))
    assert not idle.does_run
    assert idle.reason == (
        "No labelled sample has changed, so a run would give the same model although age would be a reason."
    )
    assert idle.to_json()["rules"]["age"]["says"] == "retrain"
    assert decide({}, evidence(before=None, days=None)).does_run


def test_the_rules_of_conf_are_built() -> None:
    built = config.build_all(composed(), "retrain")
    assert list(built) == ["new_samples", "drift", "age"]
    assert not decide(built, evidence(0)).does_run
    assert decide(built, evidence(100)).does_run
