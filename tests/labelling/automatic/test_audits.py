"""The error of a model's labels is that on the samples kept back."""

import pytest
from decision_lines import MODEL, autolabel, decide, manifest, say

from pipeline.labelling.automatic.label_figures import LabelHistory


def audits(decisions, answers, groups=None):
    names = sorted({one.sample_id for one in [*decisions, *answers]})
    samples = manifest(names, group=[None if groups is None else groups.get(one) for one in names])
    return LabelHistory(samples=samples, decisions=decisions, answers=answers, listed=None).audits()


def test_an_audit_with_its_exact_interval():
    answers = [say(f"k{row}", "cat", batch="audit/1") for row in range(22)]
    lines = [autolabel(f"a{row}", "cat") for row in range(100)]
    lines += [decide(f"k{row}", "Ada", "dog" if row == 3 else "cat", batch="audit/1") for row in range(20)]
    (found,) = audits(lines, answers)
    assert (found.model, found.num_labelled, found.num_overruled, found.num_waiting) == (MODEL, 100, 0, 2)
    assert found.error.value == 0.05
    assert (found.error.low, found.error.high) == pytest.approx((0.001265, 0.248733), abs=1e-6)
    assert found.error.n == 20


def test_a_dropped_sample_is_an_error_and_a_conflict_waits():
    answers = [say(name, "cat", batch="audit/1") for name in ("a", "b", "c")]
    lines = [decide("a", "Ada", None), decide("b", "Ada", "cat"), decide("b", "Bo", "dog"), autolabel("c", "cat")]
    (found,) = audits(lines, answers)
    assert (found.error.value, found.error.n, found.num_waiting) == (1.0, 1, 2)


def test_labels_that_people_changed_are_counted_and_are_no_audit():
    lines = [autolabel("a", "cat"), autolabel("b", "cat"), autolabel("c", "cat")]
    lines += [decide("a", "Ada", "dog"), decide("b", "Ada", "cat")]
    (found,) = audits(lines, [])
    assert (found.num_labelled, found.num_overruled) == (1, 1)
    assert (found.error.value, found.error.caveat) == (None, "no sample was labelled by a person")


def test_groups_widen_the_interval():
    answers = [say(f"k{row}", "cat", batch="audit/1") for row in range(60)]
    lines = [decide(f"k{row}", "Ada", "dog" if row < 12 else "cat") for row in range(60)]
    alone = audits(lines, answers)[0].error
    grouped = audits(lines, answers, {f"k{row}": f"g{row // 6}" for row in range(60)})[0].error
    assert (grouped.value, grouped.groups) == (alone.value, 10)
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_each_model_has_its_own():
    answers = [say("a", "cat", batch="audit/1"), say("b", "cat", batch="audit/2", model="m@4")]
    found = audits([decide("a", "Ada", "cat"), decide("b", "Ada", "dog")], answers)
    assert {one.model: one.error.value for one in found} == {MODEL: 0.0, "m@4": 1.0}
