"""Clusters against labels: the figures, and intervals that cover."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.cluster_agreement import FIGURES, agreement, label_texts
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def test_labels_as_texts():
    found = label_texts(pd.Series([["b", "a"], [], ["c"]]))
    assert found.fillna("none").tolist() == ["a|b", "none", "c"]


def test_figures_by_hand():
    clusters = np.array([0, 0, 1, 1, 1, 1, 0])
    classes = pd.Series(["a", "a", "a", "b", "b", "b", None])
    found = agreement(clusters, classes, np.arange(7).astype(str), BOOTSTRAP)
    assert list(found) == list(FIGURES)
    assert found["matched_accuracy"].value == pytest.approx(5 / 6)
    assert found["adjusted_rand"].value == pytest.approx((4 - 2.8) / (6.5 - 2.8))
    assert found["purity"].n == found["purity"].groups == 6
    for one in found.values():
        assert one.low <= one.value <= one.high


def test_no_label_has_no_figure():
    assert agreement(np.array([0, 1]), pd.Series([None, None]), np.array(["a", "b"]), BOOTSTRAP) == {}


def test_few_groups_have_no_interval():
    found = agreement(np.array([0, 1, 0, 1]), pd.Series(list("aabb")), np.array(list("xxyy")), BOOTSTRAP)
    assert found["adjusted_rand"].interval is None
    assert "fewer than 5" in found["adjusted_rand"].caveat


def test_intervals_widen_with_the_resemblance_within_groups():
    generator = np.random.default_rng(0)
    clusters = np.repeat(generator.integers(2, size=40), 10)
    classes = pd.Series(np.where(np.repeat(generator.random(40) < 0.2, 10), 1 - clusters, clusters)).astype("str")
    alone = agreement(clusters, classes, np.arange(400).astype(str), BOOTSTRAP)["matched_accuracy"]
    grouped = agreement(clusters, classes, np.repeat(np.arange(40), 10).astype(str), BOOTSTRAP)["matched_accuracy"]
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
