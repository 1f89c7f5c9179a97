"""Areas under the ROC curve and under precision and recall, against numbers worked out by hand."""

import numpy as np
import pytest

from pipeline.statistics import rank_areas
from pipeline.statistics.rank_areas import average_precision, roc_auc

NAN = np.nan
ONE_CLASS = np.array([[1], [1], [0], [0], [1]])


@pytest.mark.parametrize(
    ("scores", "weights", "expected"),
    [
        ([0.9, 0.4, 0.1, 0.5, 0.6], [1, 1, 1, 1, 1], 5 / 6),  # of six pairs only 0.4 against 0.5 is the wrong way
        ([0.9, 0.5, 0.1, 0.5, 0.6], [1, 1, 1, 1, 1], 5.5 / 6),  # a tie counts half
        ([0.3, 0.3, 0.3, 0.3, 0.3], [1, 1, 1, 1, 1], 0.5),
        ([0.1, 0.2, 0.8, 0.9, 0.3], [1, 1, 1, 1, 1], 0.0),
        ([0.9, 0.4, 0.1, 0.5, 0.6], [0, 2, 1, 3, 0], 2 / 8),  # 0.4 twice beats 0.1 once, loses to 0.5 three times
        ([0.9, 0.4, 0.1, 0.5, 0.6], [1, 1, 0, 0, 1], NAN),
        ([0.9, 0.4, 0.1, 0.5, 0.6], [0, 0, 1, 1, 0], NAN),
    ],
)
def test_area_under_roc_counts_pairs(scores, weights, expected):
    found = roc_auc(ONE_CLASS, np.array(scores)[:, None], np.array([weights], dtype=float))
    np.testing.assert_allclose(found, [[expected]])


@pytest.mark.parametrize(
    ("scores", "weights", "expected"),
    [
        ([0.9, 0.8, 0.1, 0.2, 0.7], [1, 1, 1, 1, 1], 1.0),
        ([0.9, 0.4, 0.1, 0.5, 0.6], [1, 1, 1, 1, 1], (1 + 1 + 3 / 4) / 3),
        ([0.3, 0.3, 0.3, 0.3, 0.3], [1, 1, 1, 1, 1], 3 / 5),  # one threshold: the share of the class
        ([0.9, 0.5, 0.1, 0.5, 0.4], [1, 1, 1, 1, 1], (1 + 2 / 3 + 3 / 4) / 3),  # tied with a negative
        ([0.9, 0.4, 0.1, 0.5, 0.6], [0, 2, 1, 3, 0], 2 / 5),
        ([0.9, 0.4, 0.1, 0.5, 0.6], [1, 1, 0, 0, 1], 1.0),
        ([0.9, 0.4, 0.1, 0.5, 0.6], [0, 0, 1, 1, 0], NAN),
    ],
)
def test_average_precision_sums_precision_over_gains_of_recall(scores, weights, expected):
    found = average_precision(ONE_CLASS, np.array(scores)[:, None], np.array([weights], dtype=float))
    np.testing.assert_allclose(found, [[expected]])


def test_blocks_of_weights_give_the_same_as_all_at_once(monkeypatch):
    generator = np.random.default_rng(0)
    targets, scores = np.eye(3)[generator.integers(0, 3, 40)], generator.random((40, 3)).round(1)
    weights = generator.integers(0, 3, (25, 40)).astype(float)
    whole = [measure(targets, scores, weights) for measure in (roc_auc, average_precision)]
    monkeypatch.setattr(rank_areas, "BLOCK_CELLS", 100)  # two rows of 40 weights each
    parts = [measure(targets, scores, weights.copy()) for measure in (roc_auc, average_precision)]
    np.testing.assert_allclose(whole, parts, rtol=1e-14)
