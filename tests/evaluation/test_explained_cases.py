"""Which decisions are explained."""

import numpy as np
import pandas as pd

from pipeline.core.policy import Decisions
from pipeline.evaluation.explained_cases import choose_cases

LETTERS = list("abcdef")


def choose(scores, targets, abstains=None, groups=LETTERS, exclusive=True, per_kind=8, most=99):
    scores, targets = np.array(scores, dtype=np.float32), np.array(targets)
    decided = scores > 0.5 if not exclusive else scores == scores.max(axis=1, keepdims=True)
    abstains = np.zeros(len(scores), bool) if abstains is None else np.array(abstains)
    decisions = Decisions(
        scores=scores,
        decided=decided,
        abstains=abstains,
        sets=None,
        out_of_distribution=None,
        reasons=np.full(len(scores), "", dtype=object),
    )
    samples = pd.DataFrame({"sample_id": LETTERS[: len(scores)], "group": groups[: len(scores)]})
    table = choose_cases(decisions, targets, samples, exclusive, per_kind, most)
    return [(row.column, row.kind, row.sample_id) for row in table.itertuples()]


FIRST = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.95, 0.05], [0.2, 0.8]]
ZERO, ONE = [1, 0], [0, 1]


def test_the_most_confident_mistakes_and_the_middle_hits_come_first():
    targets = [ONE, ONE, ZERO, ZERO, ZERO, ONE]
    assert choose(FIRST, targets) == [
        *((0, "wrong", one) for one in "ab"),
        *((0, "right", one) for one in "ced"),
        (1, "right", "f"),
    ]


def test_what_the_policy_leaves_to_a_person_is_neither_right_nor_wrong():
    found = choose(FIRST, [ONE, ONE, ZERO, ZERO, ZERO, ONE], abstains=[True, False, True, False, False, False])
    assert [case for case in found if case[1] == "abstained"] == [(0, "abstained", "a"), (0, "abstained", "c")]
    assert [case for case in found if case[1] == "wrong"] == [(0, "wrong", "b")]


def test_other_groups_go_before_further_pictures_of_a_group():
    found = choose(FIRST[:5], [ONE] * 5, groups=["x", "y", "x", "z", "x"], per_kind=3)
    assert [name for _, _, name in found] == ["e", "b", "d"]


def test_of_too_many_the_first_of_each_class_and_kind_stay():
    targets = [ONE, ONE, ZERO, ZERO, ZERO, ONE]
    assert choose(FIRST, targets, most=3) == [(0, "wrong", "a"), (0, "right", "c"), (1, "right", "f")]


def test_with_several_labels_a_picture_has_a_case_for_each_and_missed_ones():
    scores = [[0.9, 0.8], [0.9, 0.1], [0.1, 0.3]]
    targets = [[1, 0], [1, 1], [0, 1]]
    assert choose(scores, targets, exclusive=False) == [
        (0, "right", "a"),
        (0, "right", "b"),
        (1, "wrong", "a"),
        (1, "missed", "b"),
        (1, "missed", "c"),
    ]


def test_no_decision_gives_no_case():
    assert choose([[0.1, 0.2]], [[0, 0]], exclusive=False) == []
