"""Accuracy under corruptions: which samples, which random numbers, and what is lost."""

from collections import Counter

import numpy as np
import pytest

from pipeline.evaluation.corruptions.brightness import Brightness
from pipeline.evaluation.corruptions.noise import Noise
from pipeline.evaluation.robustness import (
    CHUNK,
    COLUMNS,
    Options,
    choose_samples,
    measure_rightness,
    robustness_table,
    summarize_robustness,
)

EVERY = np.arange(20)


def options(most, seed=0):
    return Options(max_samples=most, seed=seed)


def test_all_samples_where_there_are_few_and_a_share_of_each_class_where_there_are_many():
    labels = [["a"]] * 60 + [["b"]] * 30 + [["a", "b"]] * 10
    assert choose_samples(labels, 100, 0).tolist() == [*range(100)]
    chosen = choose_samples(labels, 10, 0)
    assert Counter("".join(labels[row]) for row in chosen) == {"a": 6, "b": 3, "ab": 1}
    assert sorted(set(chosen)) == chosen.tolist()
    assert chosen.tolist() == choose_samples(labels, 10, 0).tolist()
    assert chosen.tolist() != choose_samples(labels, 10, 1).tolist()


def is_bright(images, positions):
    return images.mean(axis=(1, 2, 3)) > 100


def test_what_a_threshold_on_brightness_loses():
    images = np.repeat(np.arange(60, 160, 5, dtype=np.uint8), 16).reshape(20, 4, 4, 1)  # 11 of 20 are above 100
    darken = Brightness(added=[-0.04, -0.1, -0.2, -0.3, -0.5])  # by 10, 26, 51, 77 and 128
    found = measure_rightness(images, EVERY, {"dark": darken}, is_bright, 0)
    assert [*found] == [("clean", 0), *(("dark", severity) for severity in range(1, 6))]
    assert [int(one.sum()) for one in found.values()] == [11, 9, 6, 1, 0, 0]
    table = robustness_table(found, EVERY, 0)
    assert list(table) == COLUMNS
    assert table["value"].tolist() == [0.55, 0.45, 0.3, 0.05, 0, 0]
    assert table["change"].tolist()[1:] == pytest.approx([-0.1, -0.25, -0.5, -0.55, -0.55])
    assert table["change"].isna().tolist() == [True] + [False] * 5
    assert (table["change_low"] < table["change"])[1:].all()
    summary = summarize_robustness(found, EVERY, 0)
    mean = (9 + 6 + 1) / 5
    assert summary["clean"].value == 0.55
    assert summary["dark"].value == summary["all"].value == pytest.approx(mean / 11 - 1)
    assert summary["all"].low < mean / 11 - 1 < summary["all"].high < 0


def test_the_paired_interval_by_hand():
    clean = np.array([1, 1, 1, 1, 1, 1], dtype=bool)
    after = np.array([0, 1, 1, 1, 1, 1], dtype=bool)
    found = {("clean", 0): clean, **{("x", severity): after for severity in range(1, 6)}}
    one = robustness_table(found, np.arange(6), 0).iloc[1]
    # without the first the difference is 0, without another -1/5: spread sqrt(5/6 * sum of squares about the mean)
    spread = np.sqrt(5 / 6 * (5 * (1 / 5 - 1 / 6) ** 2 + (1 / 6) ** 2))
    assert (one["change"], one["change_low"]) == pytest.approx((-1 / 6, -1 / 6 - 2.570582 * spread))


def test_few_groups_give_no_interval():
    found = {("clean", 0): EVERY > 3, **{("x", severity): EVERY > 9 for severity in range(1, 6)}}
    summary = summarize_robustness(found, EVERY // 7, 0)
    assert summary["all"].value == pytest.approx(10 / 16 - 1)
    assert (summary["all"].low, summary["all"].groups) == (None, 3)
    assert summary["all"].caveat == "no interval: it rests on 3 independent groups, fewer than 5"


def test_of_a_model_without_a_hit_nothing_can_be_lost():
    found = {("clean", 0): EVERY < 0, **{("x", severity): EVERY < 0 for severity in range(1, 6)}}
    assert summarize_robustness(found, EVERY, 0)["all"].value is None


def test_the_random_numbers_are_equal_at_all_severities_and_differ_between_samples():
    seen = []
    images = np.full((2, 8, 8, 1), 128, dtype=np.uint8)
    noise = Noise(deviations=[0.1, 0.1, 0.2, 0.2, 0.2])
    measure_rightness(
        images, np.arange(2), {"noise": noise}, lambda some, _: seen.append(some) or some[:, 0, 0, 0] > 0, 0
    )
    assert seen[1].tolist() == seen[2].tolist()
    assert seen[1][0].tolist() != seen[1][1].tolist()


def test_many_samples_come_in_chunks():
    sizes = []
    images = np.zeros((CHUNK + 5, 2, 2, 1), dtype=np.uint8)

    def decide(some, positions):
        sizes.append((len(some), int(positions[0])))
        return np.ones(len(some), dtype=bool)

    found = measure_rightness(images, np.arange(CHUNK + 5), {}, decide, 0)
    assert sizes == [(CHUNK, 0), (5, CHUNK)]
    assert found["clean", 0].sum() == CHUNK + 5
