"""The features of train to which a policy measures distances, and the limit beyond which it flags a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.core import config
from pipeline.core.contracts import Predictor
from pipeline.core.evaluation_contracts import FeatureDistance, FeaturePredictor
from pipeline.core.feature_reference import BLOCK, FeatureReference
from pipeline.core.policy import OutOfDistribution, Policy
from pipeline.datasets.packed import PackedDataset
from pipeline.statistics.conformal import conformal_threshold, least_groups
from pipeline.training.policy_fit import Options

SEED = 0
NO_FEATURES = "This model has no features, so no picture is flagged as out of distribution."


def fit_reference(
    options: Options, distance: FeatureDistance, predictor: Predictor, packed: PackedDataset
) -> FeatureReference | None:
    """The distance, fitted to at most `policy.max_reference` pictures of train; None where none can be measured."""
    rows = packed.index[packed.index["split"] == "train"]
    if options.out_of_distribution == "never" or not isinstance(predictor, FeaturePredictor) or len(rows) < 2:
        return None
    if not predictor.task.supervised:
        rows = rows.assign(labels=[[] for _ in range(len(rows))])  # which change nothing
    rows = choose_evenly(rows, options.max_reference)
    positions = rows.index.to_numpy()
    blocks = [positions[start : start + BLOCK] for start in range(0, len(positions), BLOCK)]
    found = [predictor.predict_with_features(packed.images[block]) for block in blocks]
    features, task = np.concatenate([one for _, one in found]), predictor.task
    if task.supervised:
        targets = task.targets(rows["labels"].tolist(), packed.classes)
    else:
        targets = task.decide(np.concatenate([scores for scores, _ in found])).astype(np.float32)
    return FeatureReference(distance=distance, fitted=distance.fit(features, targets))


def choose_evenly(rows: pd.DataFrame, number: int) -> pd.DataFrame:
    """At most `number` random rows in their order, equally many of each set of `labels` as far as there are any."""
    if len(rows) <= number:
        return rows
    shuffled = rows["labels"].map(tuple).sample(frac=1, random_state=SEED)
    rank = shuffled.groupby(shuffled).cumcount().sort_values(kind="stable")
    return rows.loc[np.sort(rank.index[:number])]


def flag_far(
    options: Options,
    policy: Policy,
    reference: FeatureReference | None,
    distances: np.ndarray | None,
    groups: np.ndarray,
) -> Policy:
    """The policy that flags the share of val that is farthest from train, from (N,) distances and groups of val."""
    if options.out_of_distribution == "never":
        return policy
    if reference is None or distances is None:
        return replace(policy, notes=(*policy.notes, NO_FEATURES))
    if len(distances) < options.min_samples:
        note = (
            f"No picture is flagged as out of distribution: val has {len(distances)} samples, fewer than "
            f"{options.min_samples}."
        )
        return replace(policy, notes=(*policy.notes, note))
    limit, notes = find_limit(options, distances, groups)
    flag = OutOfDistribution(
        distance=config.to_node(reference.distance),
        reference=reference.digest,
        limit=limit,
        share=options.out_of_distribution_share,
        abstains=options.out_of_distribution == "abstain",
    )
    return replace(policy, out_of_distribution=flag, notes=(*policy.notes, *notes))


def find_limit(options: Options, distances: np.ndarray, groups: np.ndarray) -> tuple[float, list[str]]:
    """The distance beyond which new samples like val are flagged, at most the wanted share of them, and notes.

    Source: Bates et al. 2023, Testing for outliers with conformal p-values, arXiv:2104.08279.
    """
    members = groups if options.grouping == "hierarchical" else np.arange(len(groups))
    unit = "groups" if options.grouping == "hierarchical" else "samples"
    coverage = 1 - options.out_of_distribution_share
    threshold = conformal_threshold(-distances.astype(np.float64), members, coverage)
    if threshold is not None:
        return -threshold, []
    note = (
        f"The limit of the distance is that of the pictures of val alone: to flag at most "
        f"{100 * options.out_of_distribution_share:g} % of new pictures takes {least_groups(coverage)} {unit} in val, "
        f"found {len(np.unique(members))}. Pictures of new groups may be flagged more often."
    )
    return float(np.quantile(distances.astype(np.float64), coverage, method="higher")), [note]
