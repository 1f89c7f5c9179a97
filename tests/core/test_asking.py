"""Labels as codes, and an answer for every property that varies."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.asking import Labelled, ask
from pipeline.core.nuisances import nuisances


def table(labels, groups=None, **columns):
    return pd.DataFrame({"labels": labels, "group": range(len(labels)) if groups is None else groups, **columns})


def answers(samples, num_permutations=99):
    return {one.name: one for one in ask(Labelled(samples), nuisances(samples), num_permutations, 5, 0)}


def test_two_classes_are_one_question():
    labelled = Labelled(table([["b"], ["a"], ["b"]]))
    assert labelled.of_two
    assert (labelled.codes.tolist(), list(labelled.classes)) == ([1, 0, 1], ["a", "b"])
    assert labelled.chosen.tolist() == [True, False, True]
    assert labelled.mean_size == 1.5


def test_several_labels_are_each_a_question():
    labelled = Labelled(table([["a", "b"], ["b"], ["a"]]))
    assert not labelled.of_two
    assert labelled.rows.tolist() == [0, 0, 1, 2]
    assert labelled.chosen.all()


def test_what_does_not_vary_is_not_asked():
    samples = table([["a"], ["b"]] * 10, prop_x=np.linspace(0, 1, 20), prop_y=1.0, prop_z=np.nan)
    assert list(answers(samples)) == ["x"]
    assert answers(table([["a"]] * 4, prop_x=[1.0, 2, 3, 4]))["x"].accuracy == 0.5
    assert answers(table([["a"], ["b"]])) == {}


def test_a_missing_number_can_tell():
    values = [np.nan, 1.0] * 20
    found = answers(table([["a"], ["b"]] * 20, prop_x=values))["x"]
    assert (found.accuracy, found.label, found.p) == (1.0, "b", 0.01)
    assert found.figure == "AUC 0.500"  # which knows the others only


def test_the_middle_of_a_property_can_tell_where_auc_is_blind():
    values = np.tile(np.arange(16.0), 10)
    samples = table([["in" if 4 <= one < 12 else "out"] for one in values], prop_x=values)
    found = answers(samples)["x"]
    assert found.accuracy > 0.95
    assert found.figure == "AUC 0.500"


def test_the_most_telling_comes_first_with_its_label():
    generator = np.random.default_rng(0)
    label = np.repeat(["a", "b", "c"], 40)
    samples = table([[one] for one in label], prop_noise=generator.random(120), prop_c=(label == "c") * 1.0)
    found = list(answers(samples).values())
    assert [one.name for one in found] == ["c", "noise"]
    assert (found[0].label, found[0].accuracy, found[0].p) == ("c", 1.0, 0.01)
    assert found[0].pair == ("a", "c", 1.0)
    assert found[1].p > 0.04


def test_answers_do_not_depend_on_the_order_of_labels_in_name():
    """Renaming two classes swaps who is asked, not how well it is told."""
    generator = np.random.default_rng(1)
    label = np.arange(80) % 2
    values = label + generator.normal(0, 1, 80)
    one, other = (answers(table([[names[row]] for row in label], prop_x=values))["x"] for names in ("ab", "ba"))
    assert one.accuracy == pytest.approx(other.accuracy)
    assert one.p == pytest.approx(other.p, abs=0.02)
