"""Two groupings of the same samples, against numbers worked out by hand and scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from pipeline.statistics.partitions import (
    adjusted_rand,
    contingency,
    matched_accuracy,
    matched_classes,
    mutual_information,
    purity,
    weighted_tables,
)

SIX = np.array([[[2.0, 0.0], [1.0, 3.0]]])


def test_by_hand():
    assert matched_accuracy(SIX)[0] == pytest.approx(5 / 6)
    assert purity(SIX)[0] == pytest.approx(5 / 6)
    # pairs: 15 in all, 1 + 3 in both, 1 + 6 by cluster, 3 + 3 by class; expected 42 / 15
    assert adjusted_rand(SIX)[0] == pytest.approx((4 - 42 / 15) / (6.5 - 42 / 15))
    assert matched_classes(SIX[0]).tolist() == [0, 1]


def test_matching_gives_a_class_to_one_cluster_only():
    table = np.array([[5.0, 0.0], [4.0, 1.0], [3.0, 0.0]])
    assert matched_classes(table).tolist() == [0, 1, -1]
    assert matched_accuracy(table[None])[0] == pytest.approx(6 / 13)
    assert purity(table[None])[0] == pytest.approx(12 / 13)


def test_what_divides_nothing_agrees_with_itself():
    whole = np.array([[[7.0]]])
    assert mutual_information(whole)[0] == adjusted_rand(whole)[0] == 1.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 3)), min_size=2, max_size=30))
def test_weights_count_as_copies(rows):
    clusters, classes, copies = (np.array(one) for one in zip(*rows, strict=True))
    tables = weighted_tables(clusters, classes, copies[None].astype(float), (4, 5))
    often = np.repeat(classes, copies), np.repeat(clusters, copies)
    assert adjusted_rand(tables)[0] == pytest.approx(adjusted_rand_score(*often), abs=1e-9)
    assert mutual_information(tables)[0] == pytest.approx(normalized_mutual_info_score(*often), abs=1e-9)


def test_contingency_counts_pairs():
    table = contingency(np.array([0, 0, 1, 1]), np.array([1, 0, 1, 1]))
    np.testing.assert_array_equal(table, [[1, 1], [0, 2]])
