"""Labelling played on clusters: what strategies see, and that typical samples find all classes at once."""

import numpy as np
import pytest
from labelling_examples import BLOBS

from pipeline.labelling.queries.simulation import LabelledSamples, label_in_rounds
from pipeline.labelling.strategies.margin import Margin
from pipeline.labelling.strategies.random import Random
from pipeline.labelling.strategies.typical import Typical


def make_samples(is_exclusive: bool = True) -> LabelledSamples:
    """The blobs of 14, 9 and 6 as train and again as val, each a class."""
    labels = np.eye(3, dtype=np.float32)[[0] * 14 + [1] * 9 + [2] * 6]
    return LabelledSamples(
        features=np.array(BLOBS * 2, dtype=np.float32),
        labels=np.concatenate([labels, labels]),
        groups=np.arange(58),
        num_train=29,
        is_exclusive=is_exclusive,
    )


def test_three_typical_labels_tell_three_clusters_apart():
    samples, order = make_samples(), np.arange(29)
    strategy = Typical(neighbours=5, max_clusters=100, min_cluster=5)
    (rows,) = label_in_rounds(strategy, samples, [3], order, np.random.default_rng(0))
    assert samples.measure(rows).all()
    (first,) = label_in_rounds(Random(), samples, [3], order, np.random.default_rng(0))
    assert samples.measure(first).mean() < 1


def test_a_strategy_that_needs_labels_begins_with_random_ones_until_two_classes_are_known():
    samples = make_samples()
    order = np.concatenate([np.arange(10), [20], np.arange(10, 20), np.arange(21, 29)])
    found = label_in_rounds(Margin(spread=1), samples, [4, 8, 11, 13], order, np.random.default_rng(0))
    assert [rows.tolist() for rows in found[:3]] == [[0, 1, 2, 3], [*range(8)], [*range(10), 20]]
    assert set(found[3][:11]) == set(found[2])
    assert len(set(found[3])) == 13


def test_a_strategy_sees_no_label_of_an_open_sample():
    pool = make_samples().pool(np.array([2, 20]))
    assert pool.labels.sum() == 2
    assert pool.is_open.sum() == 27
    assert len(pool.features) == 29


def test_one_class_is_predicted_where_no_other_is_known():
    samples = make_samples()
    assert samples.measure(np.array([0, 1])).tolist() == [True] * 14 + [False] * 15


def test_of_several_labels_each_counts_with_and_without():
    samples = make_samples(is_exclusive=False)
    assert samples.codes[:6].tolist() == [1, 2, 4, 1, 2, 4]  # has the first label, and neither of the others
    assert samples.val_groups[:4].tolist() == [29, 29, 29, 30]
    assert samples.measure(np.arange(29)).mean() == pytest.approx(1)
