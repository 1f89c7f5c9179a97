"""The AUC of one property alone, by hand and beside scikit-learn's."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from pipeline.checks.property_shortcut import PropertyShortcut, separation


def finding(samples, max_auc=0.7):
    return PropertyShortcut(max_auc=max_auc, on_fail="warn")(samples)


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0),
        ([1, 2, 3, 4], [1, 1, 0, 0], 1.0),  # as telling, turned round
        ([1, 2, 3, 4], [1, 0, 0, 1], 0.5),
        ([1, 2, 3, 4], [0, 1, 0, 1], 0.75),  # 3 of 4 pairs are in order
        ([5, 5, 5, 5], [0, 1, 0, 1], 0.5),
        ([1, 2, 2, 3], [0, 0, 1, 1], 0.875),  # a tie counts half
        ([1, 2], [1, 1], 0.5),
        ([1, 2], [0, 0], 0.5),
    ],
)
def test_separation_by_hand(values, positive, expected):
    assert separation(rankdata(values), np.array(positive, dtype=bool)) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_separation_is_the_area_under_the_curve(pairs):
    values, positive = (np.array(column) for column in zip(*pairs, strict=True))
    assume(0 < positive.sum() < len(positive))
    area = roc_auc_score(positive, values)
    assert separation(rankdata(values), positive) == pytest.approx(max(area, 1 - area))


def test_two_classes_are_one_question(make_manifest):
    found = finding(
        make_manifest("aabb", prop_brightness=[1, 3, 2, 4], prop_contrast=[0, 0, 0, 0], attr_age=[1, 1, 9, 9])
    )
    assert (found.value, found.limit, found.passed) == (0.75, 0.7, False)
    assert list(found.worst.items()) == [("brightness for b", 0.75), ("contrast for b", 0.5)]


def test_more_classes_are_each_asked_against_the_rest(make_manifest):
    # b is in the middle: below a's and above c's; a and c are given away
    found = finding(make_manifest("aabbcc", prop_brightness=[5, 6, 3, 4, 1, 2]))
    assert found.worst == {"brightness for a": 1.0, "brightness for c": 1.0, "brightness for b": 0.5}


def test_two_classes_that_occur_together_are_two_questions(make_manifest):
    labels = [["a", "b"], ["a"], ["b"], ["a", "b"], ["b"], ["a"], []]
    found = finding(make_manifest(labels, prop_brightness=[1, 2, 9, 3, 8, 4, 0]))
    assert found.worst == {"brightness for a": 1.0, "brightness for b": 0.625}


@pytest.mark.parametrize("max_auc", [0.75, 0.8])
def test_passes_at_its_limit(make_manifest, max_auc):
    assert finding(make_manifest("aabb", prop_x=[1, 3, 2, 4]), max_auc).passed


def test_at_most_five_are_named_and_nothing_measured_is_nothing_found(make_manifest):
    columns = {f"prop_{number}": [1, 2] for number in range(7)}
    assert len(finding(make_manifest("ab", **columns)).worst) == 5
    assert finding(make_manifest("ab")).value == 0.5


@pytest.mark.parametrize("max_auc", [0.49, 1.01])
def test_refused_choices(max_auc):
    with pytest.raises(ValueError, match=rf"max_auc must be 0\.5 to 1, got {max_auc}"):
        PropertyShortcut(max_auc=max_auc, on_fail="warn")
