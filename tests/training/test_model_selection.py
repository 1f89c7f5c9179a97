"""Of several options the first is taken that the best is not clearly ahead of, on val."""

import numpy as np
import pandas as pd
import pytest
from file_options import from_file

from pipeline.core.errors import UserError
from pipeline.training.model_selection import COLUMNS, CandidateSelection, table

NODES = {
    "task": {"_target_": "t", "label_smoothing": 0.1},
    "sampling": {"_target_": "s"},
    "train": {"epochs": 8},
    "imbalance": {},
}
CANDIDATES = {"none": {}, "weighted": {"task": {"class_weights": "balanced"}}, "drawn": {"sampling": {"_target_": "d"}}}
NUM = 200
TRUTH = np.repeat([0, 1], [180, 20])  # nine to one
TARGETS = np.eye(2)[TRUTH]
GROUPS = np.arange(NUM).astype(str)


def decisions(**found):
    """How many of the 20 rare ones each option finds, making no other mistake; also what it was asked to fit."""
    asked = []

    def decided(nodes):
        asked.append(nodes)
        name = nodes["imbalance"]
        return np.eye(2, dtype=bool)[np.where(np.arange(NUM) < 180 + (20 - found[name]), 0, 1)]

    return decided, asked


def choose(decided, groups=GROUPS, targets=TARGETS, nodes=NODES, exclusive=True, **options):
    choosing = CandidateSelection(**{"candidates": CANDIDATES, "num_resamples": 300, **options})
    return choosing.select(nodes, targets, groups, exclusive, decided)


def test_the_clear_winner_is_taken_and_its_nodes_are_changed():
    decided, asked = decisions(none=4, weighted=10, drawn=18)
    chosen, tried = choose(decided, epochs=3)
    assert chosen["sampling"] == {"_target_": "d"}
    assert chosen["train"] == {"epochs": 8}  # training takes all its epochs
    assert chosen["imbalance"] == "drawn"
    assert [one["train"]["epochs"] for one in asked] == [3, 3, 3]
    assert asked[1]["task"] == {"_target_": "t", "label_smoothing": 0.1, "class_weights": "balanced"}
    assert tried["option"].tolist() == ["none", "weighted", "drawn"]
    assert tried["chosen"].tolist() == [False, False, True]
    # balanced accuracy: all 180 right, and 4, 10, 18 of 20
    np.testing.assert_allclose(tried["value"], [(1 + found / 20) / 2 for found in (4, 10, 18)])
    np.testing.assert_allclose(tried["behind_best"], [0.35, 0.2, 0])
    assert ((tried["low"] <= tried["value"]) & (tried["value"] <= tried["high"])).all()
    assert (tried["behind_low"][:2] > 0).all()
    assert tried["behind_low"][2] <= 0 <= tried["behind_high"][2]
    assert (tried["metric"] == "balanced_accuracy").all()
    assert (tried["epochs"] == 3).all()


def test_the_simplest_is_taken_where_the_difference_may_be_chance():
    chosen, tried = choose(decisions(none=17, weighted=18, drawn=18)[0])
    assert chosen["imbalance"] == "none"
    assert chosen["task"] == NODES["task"]
    assert tried["behind_low"][0] <= 0 < tried["behind_best"][0]
    chosen, tried = choose(decisions(none=4, weighted=17, drawn=18)[0])
    assert tried["option"][tried["chosen"]].tolist() == ["weighted"]


def test_groups_are_varied_together():
    """Dogs in ten groups, of which each option finds all or none, tell less than twenty dogs on their own."""
    together = np.array([f"g{row % 10}" for row in range(180)] + [f"g{row // 2}" for row in range(20)])
    found = decisions(none=8, weighted=10, drawn=12)[0]
    wide, narrow = choose(found, groups=together)[1], choose(found)[1]
    assert (wide["high"] - wide["low"])[0] > 1.2 * (narrow["high"] - narrow["low"])[0]
    assert (wide["groups"] == 10).all()
    assert narrow["groups"].between(70, 73).all()  # 180 groups weigh 1/360, twenty 1/40: 1 / (1/720 + 1/80) = 72


@pytest.mark.parametrize("num_groups", [1, 4])
def test_few_groups_say_nothing_so_the_simplest_is_taken(num_groups):
    groups = (np.arange(NUM) % num_groups).astype(str)
    chosen, tried = choose(decisions(none=4, weighted=10, drawn=18)[0], groups=groups)
    assert chosen["imbalance"] == "none"
    assert tried[["low", "high", "behind_low", "behind_high"]].isna().all(axis=None)
    assert (tried["groups"] == num_groups).all()


def test_five_groups_that_agree_are_enough():
    chosen, tried = choose(decisions(none=4, weighted=10, drawn=18)[0], groups=(np.arange(NUM) % 5).astype(str))
    assert chosen["sampling"] == {"_target_": "d"}
    assert (tried["groups"] == 5).all()


def test_the_distance_to_the_best_by_hand():
    """Ten groups with two dogs each; the best finds all, the first option half of them in every second group."""
    groups = np.array([f"g{row % 10}" for row in range(180)] + [f"g{row // 2}" for row in range(20)])

    def decided(nodes):
        name = nodes["imbalance"]
        found = TARGETS > 0
        if name != "drawn":
            lost = np.arange(180, 200, 4)
            found[lost] = [True, False]
        return found

    tried = choose(decided, groups=groups)[1]
    # per group the recall of dogs is behind by 1/2 or 0, half of that in the mean of two classes: 0.125 on average
    half = 2.262157 * np.sqrt(0.125**2 / 9)
    np.testing.assert_allclose(tried["behind_best"], [0.125, 0.125, 0])
    np.testing.assert_allclose(tried["behind_low"][:2], 0.125 - half, rtol=1e-6)
    np.testing.assert_allclose(tried["behind_high"][:2], 0.125 + half, rtol=1e-6)
    assert tried["chosen"].tolist() == [False, False, True]


def test_several_labels_are_judged_by_macro_f1():
    targets = np.zeros((NUM, 2))
    targets[:100, 0] = 1
    targets[150:, 1] = 1
    targets[90:100, 1] = 1

    def decided(nodes):
        name = nodes["imbalance"]
        found = targets > 0
        if name != "drawn":
            found[150:180, 1] = False
        return found

    _, tried = choose(decided, targets=targets, exclusive=False)
    assert (tried["metric"] == "f1_macro").all()
    # of 60 with the second label 30 are found: F1 is 60 / 90
    np.testing.assert_allclose(tried["value"], [(1 + 2 / 3) / 2] * 2 + [1])
    assert tried["chosen"].tolist() == [False, False, True]


@pytest.mark.parametrize(("exclusive", "metric"), [(True, "balanced_accuracy"), (False, "f1_macro")])
def test_the_task_says_the_metric_not_the_samples(exclusive, metric):
    """Every sample has one label here, and none decision has several: that may be chance where several are allowed."""
    tried = choose(decisions(none=17, weighted=18, drawn=18)[0], exclusive=exclusive)[1]
    assert (tried["metric"] == metric).all()


def test_one_candidate_is_taken_unmeasured():
    chosen, tried = choose(None, candidates={"weighted": CANDIDATES["weighted"]})
    assert chosen["task"]["class_weights"] == "balanced"
    assert list(tried) == list(COLUMNS)
    assert tried.empty


def test_the_nodes_that_came_are_left_as_they_were_and_training_without_epochs_is_tried_whole():
    nodes = {**NODES, "train": {"_target_": "estimator"}}
    _, tried = choose(decisions(none=4, weighted=10, drawn=18)[0], nodes=nodes, epochs=3)
    assert nodes == {**NODES, "train": {"_target_": "estimator"}}
    assert tried["epochs"].isna().all()


def test_fewer_epochs_than_the_trials_ask_for_are_all_there_are():
    decided, asked = decisions(none=4, weighted=10, drawn=18)
    choose(decided, nodes={**NODES, "train": {"epochs": 2}}, epochs=3)
    assert asked[0]["train"]["epochs"] == 2


def test_a_trial_has_no_more_epochs_than_asked_for_however_few_the_pictures():
    decided, asked = decisions(none=4, weighted=10, drawn=18)
    nodes = {**NODES, "train": {"epochs": 5, "min_steps": 100}}
    chosen, tried = choose(decided, nodes=nodes, epochs=1)
    assert (tried["epochs"] == 1).all()
    assert [one["train"] for one in asked] == [{"epochs": 1, "min_steps": 0}] * 3
    assert chosen["train"] == {"epochs": 5, "min_steps": 100}  # training has all its steps
    _, tried = choose(decided, nodes=nodes, epochs=None)
    assert asked[-1]["train"] == nodes["train"]
    assert tried["epochs"].isna().all()  # 5, or as many as make 100 steps


def test_a_trial_that_fails_is_named():
    def decided(nodes):
        raise UserError("the loss became nan at step 3; lower train.learning_rate")

    with pytest.raises(UserError, match=r"^imbalance, trying none: the loss became nan at step 3; lower"):
        choose(decided)


def test_nothing_to_choose_by():
    with pytest.raises(UserError, match=r"^imbalance: val has no sample to compare options on; choose one, such"):
        choose(None, targets=np.zeros((0, 2)), groups=np.zeros(0, dtype=str))


def test_the_empty_table_can_be_read_again(tmp_path):
    path = tmp_path / "imbalance.csv"
    table([]).to_csv(path, index=False)
    assert pd.read_csv(path).empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": {}}, r"^candidates must name at least one overlay"),
        ({"candidates": {"a": {"risk": {}}}}, r"^candidates may change task and sampling, got 'risk'$"),
        ({"epochs": 0}, r"^epochs must be null or at least 1, got 0$"),
        ({"num_resamples": 10}, r"^num_resamples must be at least 100, got 10$"),
    ],
)
def test_wrong_choices(options, message):
    with pytest.raises(ValueError, match=message):
        from_file(CandidateSelection, **{"candidates": CANDIDATES, **options})
