"""Linear probes: labels predicted from frozen features, out of fold."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pipeline.statistics.nearest_neighbors import BLOCK, l2_normalise
from pipeline.statistics.nearest_neighbors import normalised_blocks as blocks

NUM_DIMENSIONS = 256
NUM_FITTED = 20_000  # largest number of samples to which the principal components are fitted
PENALTY = 0.01  # inverse strength of L2, strong since features are weak and samples few
SHRINKAGE = 0.2  # of the covariance towards a multiple of the identity
Folds = list[tuple[np.ndarray, np.ndarray]]  # of each fold the rows to fit to and the rows to predict
SHARPEST, FLATTEST = 0.05, 50.0  # range of the temperatures that are tried
NUM_TEMPERATURES = 60
MOST_ERRORS = 0.9  # largest share of random labels; with more there is nothing to learn


def pca_directions(features: np.ndarray, seed: int) -> np.ndarray:
    """(N, D) features to (N, at most 256) float32 principal components of their centred directions.

    The length of a feature vector depends mostly on contrast, its direction on the content. With more than 20,000
    samples the components are fitted to 20,000 random ones, and the features are read a block at a time: memory holds
    one block and the result.
    """
    from sklearn.decomposition import PCA

    num_samples, num = len(features), min(NUM_DIMENSIONS, *features.shape)
    few = num_samples <= NUM_FITTED
    fitted = slice(None) if few else np.sort(np.random.default_rng(seed).permutation(num_samples)[:NUM_FITTED])
    directions = l2_normalise(np.asarray(features[fitted], dtype=np.float32))
    mean = directions.mean(axis=0)
    directions -= mean
    principal = PCA(num, svd_solver="randomized", random_state=seed, copy=False)
    if few:
        reduced: np.ndarray = principal.fit_transform(directions)
        return reduced.astype(np.float32, copy=False)
    principal.fit(directions)
    del directions
    result = np.empty((num_samples, num), dtype=np.float32)
    for start, block in zip(range(0, num_samples, BLOCK), blocks(features), strict=True):
        result[start : start + BLOCK] = principal.transform(block - mean)
    return result


def make_probe(inverse_penalty: float = PENALTY, max_steps: int = 300, class_weight: str | None = None) -> Any:
    """Logistic regression on standardised features.

    Args:
        inverse_penalty: Inverse strength of L2, above 0.
        max_steps: Most steps of the optimiser.
        class_weight: `balanced`: all classes count the same, whatever their size; None: as large as they are.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=max_steps, class_weight=class_weight)
    )


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray, num_folds: int, seed: int) -> Folds:
    """Folds that keep groups together and labels as even as possible; fewer for few groups, none for a single one.

    Args:
        labels: (N,) 0 to K - 1.
        groups: (N,) group of each sample.
        num_folds: Largest number of folds, at least 2.
        seed: Of the random folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    num_groups, largest = len(np.unique(groups)), int(np.unique(labels, return_counts=True)[1].max())
    if num_groups < 2:
        return []
    num, ungrouped = min(num_folds, num_groups), num_groups == len(groups)
    if largest < num:  # no label can be in every fold, so there is nothing to stratify
        kind: Any = KFold if ungrouped else GroupKFold
    else:
        kind = StratifiedKFold if ungrouped else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class may have fewer samples than there are folds
        parts = kind(num, shuffle=True, random_state=seed).split(labels, labels, groups)
        return [(fit_rows, held_out) for fit_rows, held_out in parts if len(held_out)]


def untestable_rows(labels: np.ndarray, parts: Folds) -> np.ndarray:
    """(N,) bool: the label is absent from the rows that the probe is fitted to, as it is in one group or fold only."""
    result = np.ones(len(labels), dtype=bool)
    for fit_rows, held_out in parts:
        result[held_out] = ~np.isin(labels[held_out], labels[fit_rows])
    return result


def out_of_fold_probabilities(
    reduced: np.ndarray, labels: np.ndarray, parts: Folds, trusted: np.ndarray | None = None
) -> np.ndarray:
    """(N, K) probability of each class for each row, by a probe fitted to other groups.

    The probe is a linear discriminant with a shrunk covariance. Its class means have a closed form, and a few wrong
    labels hardly move them. It ranks well and is overconfident: see `temperature_scale`.

    Args:
        reduced: (N, d) as `pca_directions` returns them.
        labels: (N,) 0 to K - 1, each of them present.
        parts: As `stratified_group_folds` makes them.
        trusted: (N,) bool rows that probes may be fitted to; all when None.

    Source: Friedman 1989, doi:10.1080/01621459.1989.10478752.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    result = np.zeros((len(labels), int(labels.max()) + 1))
    for fit_rows, held_out in parts:
        known = fit_rows if trusted is None else fit_rows[trusted[fit_rows]]
        num_classes = len(np.unique(labels[known]))
        if num_classes < 2 or len(known) <= num_classes:  # one class, or no variance within any class
            shares = np.bincount(labels[known], minlength=result.shape[1]) + 1e-9
            result[held_out] = shares / shares.sum()
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Only one sample available", UserWarning)  # a class may have one only
            fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(reduced[known], labels[known])
        result[np.ix_(held_out, fitted.classes_)] = fitted.predict_proba(reduced[held_out])
    return result


def temperature_scale(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, K) probabilities, calibrated on the (N,) labels by one temperature.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(exponent: float) -> float:
        return float(-np.log(np.maximum(_at_temperature(probabilities, exponent)[rows, labels], 1e-300)).mean())

    best = minimize_scalar(loss, bounds=(np.log(SHARPEST), np.log(FLATTEST)), method="bounded").x
    return _at_temperature(probabilities, float(best))


def drop_errors(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """(N, K) probabilities of the right label, and the estimated share of the (N,) labels that are random.

    In this model a share e of the labels is uniform over the classes, and the others follow the probabilities at one
    temperature: the likelihood of a label is (1 - e) p + e / K. Both are fitted. Labels of unclear pictures are wrong
    where the probabilities are even, random labels also where they are extreme, so the two can be separated; one
    temperature alone would take random labels for unclear pictures. Of temperatures whose log likelihoods differ by
    less than 1 the sharpest is taken: probabilities that are all equal allow no other choice.

    Source: Copas 1988, doi:10.1111/j.2517-6161.1988.tb01723.x.
    """
    from scipy.optimize import minimize_scalar

    rows, num_classes = np.arange(len(labels)), probabilities.shape[1]

    def fit_share(exponent: float) -> tuple[float, float]:
        right = _at_temperature(probabilities, exponent)[rows, labels]

        def loss(share: float) -> float:
            return float(-np.log(np.maximum((1 - share) * right + share / num_classes, 1e-300)).sum())

        best = minimize_scalar(loss, bounds=(0, MOST_ERRORS), method="bounded", options={"xatol": 1e-4})
        return float(best.fun), float(best.x)

    exponents = np.linspace(np.log(SHARPEST), np.log(FLATTEST), NUM_TEMPERATURES)
    losses, shares = np.array([fit_share(one) for one in exponents]).T
    first = int(np.flatnonzero(losses <= losses.min() + 1)[0])
    return _at_temperature(probabilities, float(exponents[first])), float(shares[first])


def _at_temperature(probabilities: np.ndarray, exponent: float) -> np.ndarray:
    """(N, K) probabilities at a temperature of this natural logarithm."""
    scaled = np.log(np.clip(probabilities, 1e-12, 1)) / np.exp(exponent)
    scaled -= scaled.max(axis=1, keepdims=True)
    result: np.ndarray = np.exp(scaled)
    return result / result.sum(axis=1, keepdims=True)
