"""Labels as codes, and an answer for every property that varies."""

import numpy as np
import pandas as pd
import pytest

from pipeline.checks.shortcuts.single_property import LabelTable, rank_properties
from pipeline.datasets.properties import collect_properties


def table(labels, groups=None, **columns):
    return pd.DataFrame({"labels": labels, "group": range(len(labels)) if groups is None else groups, **columns})


def answers(samples, num_permutations=99):
    return {
        one.name: one
        for one in rank_properties(LabelTable.of(samples), collect_properties(samples), num_permutations, 5, 0.04, 0)
    }


def test_two_classes_are_one_question():
    labelled = LabelTable.of(table([["b"], ["a"], ["b"]]))
    assert labelled.first == 1
    assert (labelled.codes.tolist(), list(labelled.classes)) == ([1, 0, 1], ["a", "b"])
    assert labelled.mean_size == 1.5


def test_several_labels_are_each_a_question():
    labelled = LabelTable.of(table([["a", "b"], ["b"], ["a"]]))
    assert labelled.first == 0
    assert labelled.rows.tolist() == [0, 0, 1, 2]


def test_a_few_samples_keep_the_questions_of_all():
    """One label each is left, but several were possible: both are still asked."""
    kept = LabelTable.of(table([["a", "b"], ["b"], ["a"]], ["x", "y", "z"])).only(np.array([1, 2]))
    assert (kept.rows.tolist(), kept.codes.tolist(), kept.groups.tolist()) == ([0, 1], [1, 0], [0, 1])
    assert (kept.first, list(kept.classes)) == (0, ["a", "b"])


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
    generator = np.random.default_rng(1)
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


def bursts(generator, bad, ok):
    """Labels, groups and a brightness apart by group: groups of these sizes are bad, and of those are ok."""
    group = np.repeat(np.arange(len(bad) + len(ok)), [*bad, *ok])
    return ["bad" if one < len(bad) else "ok" for one in group], group


@pytest.mark.parametrize(("bad", "ok"), [([25] * 12, [1] * 300), ([5] * 60, [2] * 149), ([5] * 60, [2] * 149 + [5])])
def test_a_shortcut_is_found_where_the_size_of_groups_goes_with_the_class(bad, ok):
    generator = np.random.default_rng(0)
    label, group = bursts(generator, bad, ok)
    values = (np.array(label) == "bad") + generator.normal(0, 0.1, len(label))
    samples = table([[one] for one in label], group, prop_light=values, prop_noise=generator.random(len(label)))
    found = answers(samples)
    assert found["light"].accuracy > 0.99
    assert found["light"].p <= 0.02
    assert found["noise"].p > 0.04


def test_what_groups_of_telling_sizes_have_in_common_is_no_shortcut():
    """Properties of a group that know nothing of its label, bursts against single photographs: at most 5 % alarms."""
    alarms = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        label, group = bursts(generator, [25] * 11 + [100], [1] * 200)
        own = {f"prop_{one}": generator.normal(0, 1, 212)[group] for one in range(6)}
        found = answers(table([[one] for one in label], group, **own), 49)
        alarms += any(one.accuracy > 0.65 and one.p <= 0.04 for one in found.values())
    assert alarms <= 4  # more has a chance of 2 % at a rate of 4 %


def test_rare_labels_hide_nothing_of_common_ones():
    generator = np.random.default_rng(0)
    label = ["a"] * 200 + ["b"] * 200 + ["c"] * 200 + [f"rare{one}" for one in range(10) for _ in range(3)]
    light = generator.normal(0, 1, len(label)) + 1.5 * (np.array(label) == "a")
    noise = {f"prop_{one}": generator.random(len(label)) for one in range(8)}
    found = answers(table([[one] for one in label], prop_light=light, **noise))["light"]
    assert (found.label, found.p) == ("a", 0.01)
    assert found.accuracy > 0.7


def test_a_category_of_many_values_is_asked_for_each():
    """60 cameras, each of one class: with 15 values and the rest in one bin it would be 0.69."""
    generator = np.random.default_rng(0)
    camera = generator.integers(0, 60, 1200)
    samples = table([["ab"[one % 2]] for one in camera], attr_camera=[f"c{one}" for one in camera], prop_x=camera * 1.0)
    found = answers(samples)
    assert (found["camera"].accuracy, found["camera"].p) == (1.0, 0.01)
    assert found["camera"].figure.startswith("V 0.9")
    shuffled = samples.assign(labels=[[one] for one in generator.permutation(list("ab" * 600))])
    assert answers(shuffled)["camera"].accuracy < 0.6


def test_a_category_that_names_the_group_tells_nothing_of_another():
    group = np.repeat(np.arange(60), 5)
    label = np.random.default_rng(0).integers(0, 2, 60)[group]
    samples = table([["ab"[one]] for one in label], group, attr_patient=[f"p{one}" for one in group])
    assert answers(samples)["patient"].accuracy == 0.5


def test_a_negative_has_no_label_and_makes_each_a_question():
    """Two labels on one sample and none on another: as many as samples, and yet not one each."""
    labelled = LabelTable.of(table([["a", "b"], [], ["b"], ["a"]]))
    assert (labelled.rows.tolist(), labelled.codes.tolist()) == ([0, 0, 2, 3], [0, 1, 1, 0])
    assert (labelled.single, labelled.first, list(labelled.classes)) == (False, 0, ["a", "b"])


def test_what_tells_negatives_from_labels_is_found():
    """Bright pictures show a or b, dark ones none of them: among those with a label, brightness tells nothing."""
    samples = table([["a"], ["b"]] * 20 + [[]] * 40, prop_brightness=[0.9] * 40 + [0.1] * 40)
    assert answers(samples)["brightness"].accuracy == pytest.approx((1 + 40 / 60) / 2)
