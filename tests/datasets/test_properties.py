"""What is known of a sample beside what it shows: columns, folders, positions, times, and the draw."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.properties import collect_properties, stratified_group_sample


def table(**columns):
    num = len(next(iter(columns.values())))
    return pd.DataFrame({"labels": [["a"]] * num, **columns})


def by_name(samples):
    return {one.name: one for one in collect_properties(samples)}


def test_what_is_asked_and_what_not():
    samples = table(
        prop_brightness=[0.1, 0.2],
        format=["PNG", "JPEG"],
        attr_site=["x", None],
        attr_of_label_sure=[1.0, 0.5],
        height=[1, 2],
        path=["x/1.png", "x/2.png"],
    )
    assert list(by_name(samples)) == ["brightness", "format", "site", "folder", "position"]
    assert by_name(samples)["format"].values.tolist() == [1, 0]
    assert by_name(samples)["format"].names == ("JPEG", "PNG")
    assert by_name(samples)["site"].values.tolist() == [0, -1]


def test_what_is_told_under_a_name_that_is_taken_is_another_property():
    samples = table(
        prop_brightness=[0.1, 0.2],
        attr_brightness=["dim", "dim"],
        attr_attr_brightness=["dim", "no"],
        attr_folder=["x", "y"],
        attr_site=["x", "y"],
        path=["n/1.png", "m/2.png"],
    )
    assert [(one.name, one.column) for one in collect_properties(samples)] == [
        ("brightness", "prop_brightness"),
        ("attr_brightness", "attr_brightness"),
        ("attr_attr_brightness", "attr_attr_brightness"),
        ("attr_folder", "attr_folder"),
        ("site", "attr_site"),
        ("folder", "folder"),
        ("position", "position"),
    ]


def test_few_distinct_numbers_are_a_category():
    assert not by_name(table(attr_grade=[float(one % 12) for one in range(36)]))["grade"].ordered
    assert by_name(table(attr_grade=[float(one % 13) for one in range(39)]))["grade"].ordered


def test_told_numbers_may_be_missing():
    values = by_name(table(attr_grade=[*map(float, range(13)), None]))["grade"].values
    assert values[:13].tolist() == list(range(13))
    assert np.isnan(values[13])


def test_the_cameras_time_is_a_number_of_seconds():
    time = by_name(table(attr_exif_time=["1970-01-02 00:00:01", "soon", None]))["exif_time"]
    assert time.ordered
    assert time.values[0] == 86_401
    assert np.isnan(time.values[1:]).all()


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("train/cat/1.jpg", ""),
        ("Train/Big Cat/1.jpg", ""),  # of the label big_cat
        ("test_set/images/1.jpg", "images"),
        ("test_bench/1.jpg", "test_bench"),  # a place, and no part of a split
        ("2019/cat/night/1.jpg", "2019/night"),
        ("1.jpg", ""),
    ],
)
def test_folders_without_splits_and_classes(path, folder):
    samples = table(path=[path, "else/1.jpg"]).assign(labels=[["cat"], ["big_cat"]])
    one = by_name(samples)["folder"]
    assert one.names[one.values[0]] == folder


def positions(*pairs):
    samples = pd.DataFrame({"path": [path for path, _ in pairs], "labels": [[label] for _, label in pairs]})
    return by_name(samples)["position"].values.tolist()


def test_positions_are_ranks_by_number_and_not_by_folder():
    assert positions(("a/IMG_2.jpg", "a"), ("a/IMG_10.jpg", "a"), ("b/IMG_2.jpg", "b")) == [0, 1, 0]


def test_a_name_without_number_has_no_position():
    assert np.isnan(positions(("a/x.jpg", "a"), ("a/1.jpg", "a"))[0])


def test_what_a_name_repeats_of_the_label_is_passed_over():
    assert positions(("x/class1_5.jpg", "class1"), ("x/class2_4.jpg", "class2")) == [1, 0]
    assert positions(("3/3.jpg", "3"), ("4/2.jpg", "4")) == [1, 0]  # a label that is a number may be one by chance


@settings(max_examples=20)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=8))
def test_any_name_has_a_position_or_none(names):
    found = np.array(positions(*((name, name) for name in names)))
    known = found[np.isfinite(found)]
    assert ((known >= 0) & (known < len(names))).all()


def test_a_draw_takes_whole_groups_and_all_of_a_rare_class():
    samples = pd.DataFrame(
        {
            "sample_id": range(200),
            "labels": [["common"]] * 190 + [["rare"]] * 8 + [[]] * 2,
            "group": np.arange(200) // 2,
        }
    )
    kept = stratified_group_sample(samples, 40, 0)
    assert kept["labels"].map(tuple).value_counts().to_dict() == {("common",): 20, ("rare",): 8}
    assert (kept["group"].value_counts() == 2).all()
    assert len(stratified_group_sample(samples, 198, 0)) == 198  # unlabelled ones are never asked
    assert kept.equals(stratified_group_sample(samples, 40, 0))
    assert not kept.equals(stratified_group_sample(samples, 40, 1))


def test_dates_are_numbers_of_seconds():
    days = pd.Series(["1970-01-02", None, "1970-01-01 00:00:05", "1970-01-01T01:00:00+01:00"], dtype="object")
    for values in (days, days.astype("str")):
        found = by_name(table(attr_taken=values))["taken"]
        assert found.ordered
        assert found.values.tolist() == pytest.approx([86_400, np.nan, 5, 0], nan_ok=True)
    times = pd.to_datetime(pd.Series(["1970-01-02", None]))
    assert by_name(table(attr_taken=times))["taken"].values.tolist() == pytest.approx([86_400, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    "values", [["1970-01-02", "soon"], ["1970-13-45", "1970-01-02"], [None, None], ["19700102"] * 2]
)
def test_what_is_not_dates_alone_is_a_category(values):
    assert not by_name(table(attr_taken=pd.Series(values, dtype="object")))["taken"].ordered


def test_a_number_that_nearly_all_names_repeat_of_their_label_is_no_position():
    labels = [[str(one % 10)] for one in range(40)]
    paths = [f"{one % 10}_{1000 + one:06d}.png" for one in range(40)]
    found = by_name(pd.DataFrame({"path": paths, "labels": labels}))["position"]
    assert found.values.tolist() == list(range(40))
    paths[:8] = [f"x_{one}.png" for one in range(8)]  # a fifth of the names do not: what is a label there is unknown
    found = by_name(pd.DataFrame({"path": paths, "labels": labels}))["position"]
    assert found.values.tolist() != list(range(40))


def test_negatives_are_drawn_like_a_class():
    labels = [["common"]] * 100 + [[]] * 100
    samples = pd.DataFrame(
        {"labels": labels, "group": np.arange(200), "negative": [False] * 100 + [True] * 98 + [False] * 2}
    )
    kept = stratified_group_sample(samples, 40, 0)
    assert kept["labels"].map(tuple).value_counts().to_dict() == {("common",): 20, (): 20}
    assert len(stratified_group_sample(samples, 198, 0)) == 198
