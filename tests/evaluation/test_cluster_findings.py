"""What clusters found: the strength of each column by hand, and false alarms at most as often as stated."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.cluster_findings import find_columns


def samples(size, **columns):
    rows = {"group": [f"g{one}" for one in range(size)], "labels": [[]] * size}
    return pd.DataFrame(rows | columns)


def by_column(found):
    return {one.column: one for one in found}


def test_a_category_and_a_number_by_hand():
    clusters = np.array([0] * 20 + [1] * 20)
    table = samples(
        40,
        attr_camera=["a"] * 20 + ["b"] * 20,
        prop_brightness=np.where(clusters, 0.9, 0.1) + np.linspace(0, 0.01, 40),
        prop_noise=np.tile([0.1, 0.2], 20),
        prop_constant=[1.0] * 40,
    )
    found = by_column(find_columns(table, clusters, 99, 0))
    assert list(found) == ["attr_camera", "prop_brightness", "prop_noise"]
    camera, brightness = found["attr_camera"], found["prop_brightness"]
    assert camera.measure == "Cramer's V"
    assert camera.strength == pytest.approx(1)
    assert camera.adjusted_rand == pytest.approx(1)
    assert camera.p == pytest.approx(1 / 100)
    # ranks 1 to 40: between 20 x 10^2 x 2 of 40 x (40^2 - 1) / 12; 1 - (1 - eta^2) 39 / 38
    eta_squared = 4000 / (40 * 1599 / 12)
    assert brightness.strength == pytest.approx(np.sqrt(1 - (1 - eta_squared) * 39 / 38))
    assert brightness.adjusted_rand is None
    assert brightness.beyond_chance
    assert found["prop_noise"].strength == 0
    assert not found["prop_noise"].beyond_chance


def test_labels_are_a_column_and_missing_values_are_left_out():
    clusters = np.arange(30) % 2
    table = samples(30, prop_brightness=[np.nan] * 10 + [0.1 * one for one in range(20)])
    table["labels"] = [["even"] if one % 2 == 0 else ["odd"] for one in range(29)] + [[]]
    found = by_column(find_columns(table, clusters, 99, 0))
    assert found["labels"].kind == "label"
    assert found["labels"].n == 29
    assert found["labels"].strength == pytest.approx(1)
    assert found["prop_brightness"].n == 20


def test_without_columns_or_clusters_there_is_nothing():
    assert find_columns(samples(10), np.arange(10) % 2, 99, 0) == []
    assert find_columns(samples(10, prop_noise=np.arange(10.0)), np.zeros(10, dtype=np.int64), 99, 0) == []


def test_few_groups_leave_it_open():
    table = samples(12, attr_camera=["a"] * 6 + ["b"] * 6).assign(group=["x"] * 6 + ["y"] * 6)
    (camera,) = find_columns(table, np.array([0] * 6 + [1] * 6), 99, 0)
    assert camera.strength > 0.9
    assert camera.beyond_chance is None


def test_false_alarms_are_rare_although_groups_resemble_themselves():
    alarms = 0
    for seed in range(25):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(20), 6)
        level = generator.normal(size=(20, 3))[groups] + 0.3 * generator.normal(size=(120, 3))
        clusters = (generator.normal(size=20)[groups] + 0.3 * generator.normal(size=120) > 0).astype(np.int64)
        table = samples(120, **{f"prop_{one}": level[:, one] for one in range(3)})
        table["group"] = groups.astype(str)
        alarms += any(one.beyond_chance for one in find_columns(table, clusters, 39, seed))
    assert alarms <= 4  # 1.25 expected; 5 or more have probability 0.007
