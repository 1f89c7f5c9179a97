"""Probes of few labels: probabilities, labels that all have or none, and one class alone."""

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.labelling.queries.probes import has_two_classes, predict_labels

LINE = np.array([[-1.0], [-0.9], [0.9], [1.0]], dtype=np.float32)


def test_two_classes_are_told_apart_and_a_class_without_a_label_has_no_probability():
    labels = np.array([[1, 0, 0], [0, 0, 1]], dtype=np.float32)
    found = predict_labels(LINE, np.array([0, 3]), labels, True)
    assert found.argmax(axis=1).tolist() == [0, 0, 2, 2]
    assert found[:, 1].tolist() == [0, 0, 0, 0]
    assert found.sum(axis=1) == pytest.approx(1)
    assert found[0, 0] == pytest.approx(found[3, 2], abs=1e-4)  # the points lie symmetrically


def test_of_several_labels_one_that_all_have_is_certain():
    labels = np.array([[1, 0, 1], [0, 0, 1]], dtype=np.float32)
    found = predict_labels(LINE, np.array([0, 3]), labels, False)
    assert found[:, 1:].tolist() == [[0, 1]] * 4
    assert (found[:2, 0] > 0.5).all()
    assert (found[2:, 0] < 0.5).all()


def test_neighbours_give_the_share_of_the_nearest_known_samples():
    features = np.arange(12, dtype=np.float32)[:, None]
    labels = np.eye(2, dtype=np.float32)[[0] * 3 + [1] * 9]
    found = predict_labels(features, np.arange(12), labels, True, "neighbours")
    assert found[0].tolist() == pytest.approx([0.3, 0.7])  # its ten nearest are 0 to 9
    assert found[11].tolist() == pytest.approx([0.1, 0.9])  # 2 to 11


@pytest.mark.parametrize(
    ("labels", "is_exclusive", "expected"),
    [
        *(([[1, 0], [1, 0]], True, False), ([[1, 0], [0, 1]], True, True)),
        *(([[1, 0], [1, 0]], False, False), ([[1, 0], [1, 1]], False, True)),
    ],
)
def test_when_a_probe_can_be_fitted(labels, is_exclusive, expected):
    found = np.array(labels, dtype=np.float32)
    assert has_two_classes(found, is_exclusive) == expected
    if not expected:
        with pytest.raises(UserError, match="needs labels of two classes, and the 2 labelled samples that it may use"):
            predict_labels(LINE, np.array([0, 3]), found, is_exclusive)
