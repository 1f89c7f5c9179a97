"""Accuracy by thresholded confidence, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.observations import Observations
from pipeline.monitoring.accuracy_estimate import estimate_accuracy
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)


def observe(sure: list[float], right: list[bool] | None = None) -> Observations:
    table = pd.DataFrame({"scores": [[one, 1 - one] for one in sure], "group": [f"g{row}" for row in range(len(sure))]})
    if right is not None:
        table["labels"] = [["a"] if one else ["b"] for one in right]
    return Observations.of_table(table, ["a", "b"])


def test_the_threshold_leaves_as_many_above_as_are_right():
    val = observe([0.95, 0.9, 0.85, 0.8, 0.7, 0.6], [True, True, False, True, True, False])  # 4 of 6 right: above 0.8
    found = estimate_accuracy(val, observe([0.99, 0.81, 0.79, 0.6, 0.55]), BOOTSTRAP)
    assert found.on_val == pytest.approx(4 / 6)
    assert found.accuracy == pytest.approx(2 / 5)
    assert found.loss == pytest.approx(4 / 6 - 2 / 5)


def test_of_equal_confidences_the_fitting_part_counts():
    val = observe([0.9] * 4, [True, True, True, False])
    assert estimate_accuracy(val, observe([0.9] * 8), BOOTSTRAP).accuracy == pytest.approx(0.75)


def test_the_same_pictures_lose_nothing_and_have_an_interval():
    generator = np.random.default_rng(0)
    sure = generator.uniform(0.5, 1, 200)
    right = (generator.uniform(size=200) < sure).tolist()
    found = estimate_accuracy(observe(sure.tolist(), right), observe(sure.tolist()), BOOTSTRAP)
    assert abs(found.loss) < 1e-9
    assert found.half_width == pytest.approx(1.96 * np.sqrt(2 * 0.75 * 0.25 / 200), rel=0.3)


def test_few_groups_have_no_interval():
    val = observe([0.9, 0.8, 0.7, 0.6], [True, True, True, False])
    assert estimate_accuracy(val, observe([0.9] * 10), BOOTSTRAP).half_width is None
