"""A random tenth is labelled blind, and what it says of people who follow the model."""

import pytest
from decision_lines import decide, say

from pipeline.datasets.label_review import combine_decisions
from pipeline.labelling.automatic.blind_share import is_blind, measure_following, random_number


def test_a_tenth_is_blind_and_stays_so():
    blind = [name for name in map(str, range(5000)) if is_blind(name, "margin/2", 7)]
    assert len(blind) == pytest.approx(500, abs=70)
    assert blind == [name for name in map(str, range(5000)) if is_blind(name, "margin/2", 7)]
    other = [name for name in map(str, range(5000)) if is_blind(name, "margin/2", 8)]
    assert len(set(blind) & set(other)) == pytest.approx(50, abs=30)


def test_every_sample_that_measures_a_model_is_blind():
    assert all(is_blind(str(number), "random/3", 0) for number in range(100))
    assert not all(is_blind(str(number), "random_forest/3", 0) for number in range(100))
    assert all(is_blind(str(number), "audit/1", 0) for number in range(100))
    assert not all(is_blind(str(number), "auditing/1", 0) for number in range(100))


def test_the_number_depends_on_where_a_text_ends():
    assert random_number("ab", "c") != random_number("a", "bc")
    assert all(0 <= random_number(str(one)) < 1 for one in range(1000))


def following(seen, blind):
    """Of labels with (agreeing, all) seen and blind."""
    lines, answers = [], []
    for has_seen, (agreeing, number) in ((True, seen), (False, blind)):
        for row in range(number):
            name = f"{has_seen}{row}"
            lines.append(decide(name, "Ada", "cat" if row < agreeing else "dog", seen_prediction=has_seen))
            answers.append(say(name, "cat"))
    return measure_following(combine_decisions(lines), answers)


def test_people_who_follow_are_found():
    found = following((95, 100), (14, 20))
    assert (found.num_seen, found.agree_seen, found.num_blind, found.agree_blind) == (100, 95, 20, 14)
    assert found.difference.value == pytest.approx(0.25)
    assert found.difference.low > 0


def test_few_blind_labels_say_nothing():
    found = following((95, 100), (4, 6))
    assert found.difference.low is None
    assert "6 samples, fewer than 10" in found.difference.caveat


def test_what_is_no_evidence_does_not_count():
    lines = [
        decide("a", "Ada", "cat"),  # nobody knows what she saw
        decide("b", "Ada", "cat", seen_prediction=False, batch="audit/1"),
        decide("c", "Ada", "cat", seen_prediction=True),  # the model said nothing
        decide("d", "Ada", "cat", seen_prediction=False, batch="random/1"),  # no sample like those of a query
    ]
    answers = [say("a", "cat"), say("b", "cat", batch="audit/1"), say("d", "cat", batch="random/1")]
    found = measure_following(combine_decisions(lines), answers)
    assert (found.num_seen, found.num_blind) == (0, 0)
    assert found.difference.value is None
