"""How well properties of pictures can be read off features, and how that changes from one encoder to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.evaluation.paired_comparison import paired_difference
from pipeline.features.linear_probe import Folds, stratified_group_folds
from pipeline.statistics.bootstrap import Basis, Bootstrap, Replicates, difference_interval

NUM_FOLDS = 5
PENALTIES = np.logspace(-1, 5, 7)  # of the ridge regression; each fold chooses on its own rows


@final
@dataclass(frozen=True, kw_only=True)
class PropertyReading:
    """How well a property can be read off features, before and after a change of the encoder.

    Attributes:
        name: Of the property, without `prop_`.
        before: R^2 of a ridge regression, out of fold: 1 is exact, 0 as good as the mean, below 0 worse.
        after: The same on the features of the later encoder.
        change: After minus before, paired.
    """

    name: str
    before: Estimate
    after: Estimate
    change: Estimate

    def to_json(self) -> dict[str, object]:
        """As `reports/label_efficiency.json` holds it."""
        return {
            "property": self.name,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "change": self.change.to_json(),
        }


def predict_properties(features: np.ndarray, values: np.ndarray, parts: Folds) -> np.ndarray:
    """(N, P) properties predicted by ridge regressions that were fitted to other groups.

    Args:
        features: (N, D).
        values: (N, P) properties.
        parts: Of each fold the rows to fit to and the rows to predict.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    predicted = np.full(values.shape, np.nan)
    for fit_rows, held_out in parts:
        probe = make_pipeline(StandardScaler(), RidgeCV(alphas=PENALTIES, alpha_per_target=True))
        fitted = probe.fit(features[fit_rows], values[fit_rows])
        predicted[held_out] = fitted.predict(features[held_out]).reshape(len(held_out), -1)
    return predicted


def explained_shares(values: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R, P) R^2 = 1 - squared error / squared distance to the weighted mean; NaN where a property does not vary.

    Args:
        values: (N, P).
        predicted: (N, P).
        weights: (R, N).
    """
    total = weights.sum(axis=1, keepdims=True)
    centred = values - values.mean(axis=0)  # a shift that changes nothing but the rounding
    spread = weights @ centred**2 - (weights @ centred) ** 2 / total
    error = weights @ (values - predicted) ** 2
    return 1 - np.divide(error, spread, out=np.full(spread.shape, np.nan), where=spread > 1e-12 * total)


def read_properties(
    before: np.ndarray,
    after: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    codes: np.ndarray,
    groups: np.ndarray,
    bootstrap: Bootstrap,
) -> list[PropertyReading]:
    """How well each property can be read off two kinds of features of the same samples; none with a single group.

    The intervals are over groups, widened as those of all cross-validated figures are.

    Args:
        before: (N, D) features of the earlier encoder.
        after: (N, E) of the later one.
        values: (N, P) finite properties, each of which varies.
        names: P of them.
        codes: (N,) class of each sample, 0 to K - 1, which folds have in even shares.
        groups: (N,) group of each, all in one fold.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    parts = stratified_group_folds(codes, groups, NUM_FOLDS, bootstrap.seed)
    if not parts or not names:
        return []
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    predicted = [predict_properties(features, scaled, parts) for features in (before, after)]
    weights = bootstrap.across_folds.replicates(groups)
    ones = np.ones((1, len(values)))
    once = [explained_shares(scaled, one, ones)[0] for one in predicted]
    varied = [np.concatenate([explained_shares(scaled, one, block) for block in weights]) for one in predicted]
    basis = Basis.of(np.ones((len(values), 1), dtype=bool), groups)
    return [
        PropertyReading(
            name=name,
            before=_estimate(once[0][place], varied[0][:, place], weights, basis),
            after=_estimate(once[1][place], varied[1][:, place], weights, basis),
            change=paired_difference(
                float(once[1][place] - once[0][place]),
                varied[1][:, place] - varied[0][:, place],
                weights,
                basis,
                len(values),
                np.inf,
            ),
        )
        for place, name in enumerate(names)
    ]


def _estimate(value: float, replicates: np.ndarray, weights: Replicates, basis: Basis) -> Estimate:
    """With the t interval; R^2 has no lower bound, and none is above 1."""
    found = difference_interval(float(value), replicates, weights, basis.n, basis.groups, np.inf)
    low, high = found or (None, None)
    return Estimate(
        value=float(value),
        low=low,
        high=None if high is None else min(1.0, high),
        n=round(basis.n),
        groups=int(basis.groups),
        caveat=basis.caveat(found is not None),
    )
