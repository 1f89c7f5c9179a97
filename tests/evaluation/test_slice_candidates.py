"""Which slices of test are looked at."""

import numpy as np
import pandas as pd
import pytest
from slice_examples import listed, of, table

from pipeline.evaluation.slice_candidates import list_slices


def test_classes_attributes_properties_and_groups_are_slices():
    test = table([1] * 8, attr_site=list("xxxxyyyy"), prop_size=np.arange(8.0), group=["g"] * 5 + list("hij"))
    slices, left_out = list_slices(test, of(test), 4, 500)
    assert left_out == 0
    assert [(one.attribute, one.value, one.kinds, one.rows.tolist()) for one in slices] == [
        ("label", "a", ("class",), [0, 2, 4, 6]),
        ("label", "b", ("class",), [1, 3, 5, 7]),
        ("site", "x", ("attribute",), [0, 1, 2, 3]),
        ("site", "y", ("attribute",), [4, 5, 6, 7]),
        ("group", "g", ("group",), [0, 1, 2, 3, 4]),
    ]


def test_many_numbers_are_cut_into_quarters_and_few_are_taken_as_they_are():
    found, _ = listed(table([1] * 20, attr_age=np.arange(20.0), group="g"))
    assert [(name, len(rows)) for attribute, name, rows in found if attribute == "age"] == [
        ("0 to 4", 5), ("5 to 9", 5), ("10 to 14", 5), ("15 to 19", 5)
    ]  # fmt: skip
    found, _ = listed(table([1] * 4, attr_year=[2020, 2020, 2021, 2021]))
    assert [(name, rows) for attribute, name, rows in found if attribute == "year"] == [
        ("2020", [0, 1]), ("2021", [2, 3])
    ]  # fmt: skip


def test_quarters_have_as_many_digits_as_make_them_differ():
    found, _ = listed(table([1] * 20, attr_time=1_700_000_000 + np.arange(20.0), group="g"))
    names = [name for attribute, name, _ in found if attribute == "time"]
    assert len(set(names)) == 4
    assert names[0] == "1700000000 to 1700000004"


def test_of_many_names_the_frequent_ones_are_slices():
    names = ["often"] * 4 + [f"n{number}" for number in range(13)]
    found, _ = listed(table([1] * 17, attr_name=names), min_slice=4)
    assert [(attribute, name) for attribute, name, _ in found] == [("name", "often")]
    twelve = [f"n{number}" for number in range(12)]
    assert len(listed(table([1] * 12, attr_name=twelve), min_slice=4)[0]) == 12  # each is listed, too small


def test_quarters_of_large_numbers_have_no_exponent_and_one_number_is_named_once():
    found, _ = listed(table([1] * 20, attr_bytes=123_400 + 1000.0 * np.arange(20), group="g"))
    assert [name for attribute, name, _ in found if attribute == "bytes"] == [
        *("123400 to 127400", "128400 to 132400", "133400 to 137400", "138400 to 142400"),
    ]
    found, _ = listed(table([1] * 40, attr_count=[5.0] * 20 + list(6 + 0.5 * np.arange(20)), group="g"))
    assert [name for attribute, name, _ in found if attribute == "count"] == ["5", "6 to 10.5", "11 to 15.5"]


def test_rows_without_a_value_are_in_no_slice_and_rows_are_found_by_position():
    test = table([1, 1, 0, 1], attr_site=["x", "x", None, None])
    test.index = [7, 3, 9, 1]
    assert listed(test)[0] == [("site", "x", [0, 1])]


def test_a_property_that_does_not_vary_is_no_slice_and_one_that_divides_alike_is_one_slice():
    assert listed(table([1] * 6, prop_width=7.0))[0] == []
    test = table([1] * 6, prop_width=[1.0, 1, 1, 2, 2, 2], prop_height=[5.0, 5, 5, 8, 8, 8])
    assert [name for name, _, rows in listed(test)[0] if rows == [0, 1, 2]] == ["width"]


def test_many_groups_leave_room_for_properties_and_pairs():
    """Else the groups of 20 patients would fill all 16 places."""
    test = table([1] * 400, attr_site=list("xxyy") * 100, prop_size=np.arange(400.0) % 97)
    test["group"] = [f"g{row // 20:02d}" for row in range(400)]
    slices, left_out = list_slices(test, of(test), 5, 16)
    kinds = [one.kinds for one in slices]
    assert len(kinds) == 16
    assert left_out > 0
    assert [kinds.count((kind,)) for kind in ("class", "attribute", "property", "group")] == [2, 2, 4, 0]
    assert sum(len(one) == 2 for one in kinds) == 8
    few, _ = list_slices(test, of(test), 5, 100)
    assert sum(one.kinds == ("group",) for one in few) == 20


def test_pairs_of_different_origin_down_to_the_minimum():
    test = table([1] * 8, attr_site=list("xxxxxyyy"), attr_lens=list("kkkklllk"))
    found, _ = listed(test, min_slice=2)
    pairs = {(attribute, name): rows for attribute, name, rows in found if " and " in attribute}
    assert pairs == {
        ("site and label", "x, a"): [0, 2, 4],
        ("site and label", "x, b"): [1, 3],
        ("site and label", "y, b"): [5, 7],
        ("lens and label", "k, a"): [0, 2],
        ("lens and label", "k, b"): [1, 3, 7],
        ("lens and label", "l, a"): [4, 6],
        ("site and lens", "x, k"): [0, 1, 2, 3],
        ("site and lens", "y, l"): [5, 6],
    }
    assert all(len(rows) > 2 for _, _, rows in listed(test, min_slice=3)[0])


def test_a_pair_of_a_value_within_another_is_no_slice_of_its_own():
    test = table([1] * 8, attr_site=list("xxxxyyyy"), attr_lens=list("kkxxllll"))
    pairs = [name for attribute, name, _ in listed(test)[0] if attribute == "site and lens"]
    assert pairs == []  # k and x of lens lie within x of site, and l is y


def test_the_largest_pairs_are_kept_and_pairs_of_properties_come_last():
    test = table([1] * 12, attr_site=list("xy") * 3 + list("x") * 6, prop_light=[1.0] * 5 + [2.0] * 7, prop_dark=0.0)
    found, left_out = listed(test, min_slice=2, max_slices=8)
    every, none = listed(test, min_slice=2)
    assert none == 0
    assert left_out > 0
    assert len(every) > len(found)
    assert [name for name, _, _ in found if " and " in name] == ["site and label", "light and label"]


@pytest.mark.parametrize("most", [1, 3, 7])
def test_no_more_slices_than_allowed(most):
    generator = np.random.default_rng(0)
    columns = {f"prop_{number}": generator.random(200) for number in range(30)}
    test = table([1] * 200, **columns)
    slices, left_out = list_slices(test, of(test), 10, most)
    assert len(slices) == most
    assert left_out > 100


def test_several_labels_are_in_the_slice_of_each():
    test = table([1] * 4, attr_site=list("xxyy")).assign(labels=[["a", "b"], ["b"], ["a"], ["b"]])
    slices, _ = list_slices(test, of(test), 1, 500)
    assert [(one.value, one.rows.tolist()) for one in slices if one.kinds == ("class",)] == [
        ("a", [0, 2]), ("b", [0, 1, 3])
    ]  # fmt: skip


def test_truth_values_are_names():
    test = table([1] * 4, attr_flash=pd.Series([True, True, False, False]))
    assert listed(test)[0][:2] == [("flash", "False", [2, 3]), ("flash", "True", [0, 1])]
