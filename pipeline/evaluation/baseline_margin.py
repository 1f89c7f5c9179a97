"""The margin of a model over a forest that predicts the label from the properties of the pictures alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.core.estimate import Estimate
from pipeline.core.parallel import num_workers
from pipeline.core.predictions import Predictions
from pipeline.evaluation.paired_comparison import paired_difference
from pipeline.evaluation.property_forest import PropertyBinner, make_forest
from pipeline.statistics.bootstrap import Basis, Bootstrap
from pipeline.statistics.classification import balanced_accuracy

NUM_TREES = 200


def decide_by_properties(
    train: pd.DataFrame, targets: np.ndarray, test: pd.DataFrame, exclusive: bool, seed: int
) -> np.ndarray:
    """(M, K) bool predictions for some samples by a forest trained on the properties of others.

    Args:
        train: N rows with `prop_*` and `attr_*`.
        targets: (N, K) in {0, 1}, the labels of these rows.
        test: M rows with the same columns.
        exclusive: Whether each sample has exactly one label.
        seed: Seed of the trees.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.
    """
    bins = PropertyBinner.fit(train)
    return decide_by_forest(bins(train), targets, bins(test), exclusive, seed)


def decide_by_forest(
    train: np.ndarray, targets: np.ndarray, test: np.ndarray, exclusive: bool, seed: int
) -> np.ndarray:
    """(M, K) bool, as `decide_by_properties`, from (N, P) and (M, P) bins."""

    def decide(answers: np.ndarray) -> np.ndarray:
        if len(np.unique(answers)) < 2:
            return np.full(len(test), answers[0])
        forest = make_forest(NUM_TREES, seed).set_params(n_jobs=num_workers()).fit(train, answers)
        return np.asarray(forest.set_params(n_jobs=1).predict(test))  # threads would add up in any order

    if exclusive:
        return np.asarray(np.eye(targets.shape[1], dtype=bool)[decide(targets.argmax(axis=1))])
    return np.stack([decide(column) > 0 for column in np.asarray(targets).T], axis=1)


def margin_over_properties(
    predictions: Predictions, by_properties: np.ndarray, exclusive: bool, bootstrap: Bootstrap
) -> Estimate:
    """The balanced accuracy of a model minus that of the properties alone, on the same samples, -1 to 1.

    Both use the same replicate weights, so the difficulty of a group of pictures, common to both, cancels.

    Args:
        predictions: Predictions of the model.
        by_properties: (N, K) bool, predictions of a forest trained on the same samples as the model.
        exclusive: Whether each sample has exactly one label.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    targets = predictions.targets

    def gain(weights: np.ndarray) -> np.ndarray:
        ours, theirs = (
            balanced_accuracy(targets, one, weights, exclusive) for one in (predictions.decided, by_properties)
        )
        return np.asarray(ours - theirs)

    weights = bootstrap.replicates(predictions.groups)
    replicates = np.concatenate([gain(block) for block in weights])
    basis = Basis.of(np.asarray(targets, dtype=bool), predictions.groups)
    return paired_difference(float(gain(np.ones((1, len(targets))))[0]), replicates, weights, basis, len(targets))
