"""What frozen features tell about a label: linear probes, each picture judged by one that did not learn from it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pipeline.statistics.nearest_neighbors import BLOCK, l2_normalise
from pipeline.statistics.nearest_neighbors import normalised_blocks as blocks

NUM_DIMENSIONS = 256
NUM_FITTED = 20_000  # samples that the principal components are learnt from
PENALTY = 0.01  # inverse strength of L2; weak features and few samples ask for a strong one
SHRINKAGE = 0.2  # of the covariance towards a multiple of one
Folds = list[tuple[np.ndarray, np.ndarray]]  # rows to learn from and rows to judge, of each
SHARPEST, FLATTEST = 0.05, 50.0  # temperatures that are tried
NUM_TEMPERATURES = 60
MOST_ERRORS = 0.9  # share of labels drawn from a hat; with more there is nothing left to learn


def pca_directions(features: np.ndarray, seed: int) -> np.ndarray:
    """(N, D) features to (N, at most 256) float32: directions, centred, their principal components.

    The length of a feature vector mostly tells contrast, its direction what is shown. Of more than 20,000 samples as
    many, drawn, say what the components are, and the features are read a block at a time: what is held is one block,
    and the result.
    """
    from sklearn.decomposition import PCA

    num_samples, num = len(features), min(NUM_DIMENSIONS, *features.shape)
    few = num_samples <= NUM_FITTED
    drawn = slice(None) if few else np.sort(np.random.default_rng(seed).permutation(num_samples)[:NUM_FITTED])
    directions = l2_normalise(np.asarray(features[drawn], dtype=np.float32))
    middle = directions.mean(axis=0)
    directions -= middle
    principal = PCA(num, svd_solver="randomized", random_state=seed, copy=False)
    if few:
        reduced: np.ndarray = principal.fit_transform(directions)
        return reduced.astype(np.float32, copy=False)
    principal.fit(directions)
    del directions
    result = np.empty((num_samples, num), dtype=np.float32)
    for start, block in zip(range(0, num_samples, BLOCK), blocks(features), strict=True):
        result[start : start + BLOCK] = principal.transform(block - middle)
    return result


def make_probe() -> Any:
    """Logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=300))


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray, num_folds: int, seed: int) -> Folds:
    """Groups whole, labels as even as groups allow; fewer for few groups, and none for a single one.

    Args:
        labels: (N,) 0 to K - 1.
        groups: (N,) what must stay together.
        num_folds: At least 2.
        seed: Of the folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    num_groups, commonest = len(np.unique(groups)), int(np.unique(labels, return_counts=True)[1].max())
    if num_groups < 2:
        return []
    num, alone = min(num_folds, num_groups), num_groups == len(groups)
    if commonest < num:  # no label is in each fold, so there is nothing to keep even
        kind: Any = KFold if alone else GroupKFold
    else:
        kind = StratifiedKFold if alone else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer samples than folds is none to some of them
        parts = kind(num, shuffle=True, random_state=seed).split(labels, labels, groups)
        return [(learnt, judged) for learnt, judged in parts if len(judged)]


def untestable_rows(labels: np.ndarray, parts: Folds) -> np.ndarray:
    """(N,) rows whose label no probe that judges them has seen: all of it is in one group, or in one fold."""
    result = np.ones(len(labels), dtype=bool)
    for learnt, judged in parts:
        result[judged] = ~np.isin(labels[judged], labels[learnt])
    return result


def out_of_fold_probabilities(
    reduced: np.ndarray, labels: np.ndarray, parts: Folds, trusted: np.ndarray | None = None
) -> np.ndarray:
    """(N, K) probability of each class for each row, by a probe that learnt from other groups.

    The probe is a linear discriminant with a shrunk covariance: it learns means, which a few wrong labels hardly move,
    in closed form. Its order is good and its confidence too large: see `temperature_scale`.

    Args:
        reduced: (N, d) as `pca_directions` returns them.
        labels: (N,) 0 to K - 1, each of them present.
        parts: As `stratified_group_folds` makes them, for all questions about the same labels.
        trusted: (N,) rows that may be learnt from; all when None.

    Source: Friedman 1989, doi:10.1080/01621459.1989.10478752.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    result = np.zeros((len(labels), int(labels.max()) + 1))
    for learnt, judged in parts:
        known = learnt if trusted is None else learnt[trusted[learnt]]
        num_classes = len(np.unique(labels[known]))
        if num_classes < 2 or len(known) <= num_classes:  # nothing to tell apart, or no spread within any class
            shares = np.bincount(labels[known], minlength=result.shape[1]) + 1e-9
            result[judged] = shares / shares.sum()
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Only one sample available", UserWarning)  # a class may have but one
            fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(reduced[known], labels[known])
        result[np.ix_(judged, fitted.classes_)] = fitted.predict_proba(reduced[judged])
    return result


def temperature_scale(chances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, K) probabilities made as sure as they are right about the (N,) labels, by one temperature.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(exponent: float) -> float:
        return float(-np.log(np.maximum(_at_temperature(chances, exponent)[rows, labels], 1e-300)).mean())

    best = minimize_scalar(loss, bounds=(np.log(SHARPEST), np.log(FLATTEST)), method="bounded").x
    return _at_temperature(chances, float(best))


def drop_errors(chances: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """(N, K) probabilities of the right label, and the share of the (N,) labels that are drawn from a hat.

    A share e of the labels says any class, evenly; the others follow the chances at one temperature: the likelihood of
    a label is (1 - e) p + e / K. Both are fitted. Labels that are unclear are wrong where the chances are even, labels
    that are errors also where the chances are sure, so that the two can be told apart; one temperature alone
    would take errors for unclear pictures. Where two temperatures are about as likely, by less than 1 in the logarithm,
    the sharper one is taken: chances that are all alike say nothing else.

    Source: Copas 1988, doi:10.1111/j.2517-6161.1988.tb01723.x.
    """
    from scipy.optimize import minimize_scalar

    rows, num_classes = np.arange(len(labels)), chances.shape[1]

    def fit_interval(exponent: float) -> tuple[float, float]:
        right = _at_temperature(chances, exponent)[rows, labels]

        def loss(share: float) -> float:
            return float(-np.log(np.maximum((1 - share) * right + share / num_classes, 1e-300)).sum())

        best = minimize_scalar(loss, bounds=(0, MOST_ERRORS), method="bounded", options={"xatol": 1e-4})
        return float(best.fun), float(best.x)

    tried = np.linspace(np.log(SHARPEST), np.log(FLATTEST), NUM_TEMPERATURES)
    losses, shares = np.array([fit_interval(one) for one in tried]).T
    first = int(np.flatnonzero(losses <= losses.min() + 1)[0])
    return _at_temperature(chances, float(tried[first])), float(shares[first])


def _at_temperature(chances: np.ndarray, exponent: float) -> np.ndarray:
    """(N, K) probabilities at a temperature of this natural logarithm."""
    scaled = np.log(np.clip(chances, 1e-12, 1)) / np.exp(exponent)
    scaled -= scaled.max(axis=1, keepdims=True)
    result: np.ndarray = np.exp(scaled)
    return result / result.sum(axis=1, keepdims=True)
