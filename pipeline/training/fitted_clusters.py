"""The clusters of a trained predictor, described on the packed pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import POOL
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.cluster_report import ClusterReport, Options, describe_clusters
from pipeline.training.pretrained_encoder import name_encoder
from pipeline.training.trainers.clusters import ClusterPredictor

if TYPE_CHECKING:
    from pipeline.core.contracts import Predictor
    from pipeline.core.open_types import JsonObject


def describe_fitted(
    packed: PackedDataset, predictor: Predictor, card: JsonObject, options: Options, held_out: Sequence[str]
) -> tuple[ClusterReport, pd.DataFrame, pd.DataFrame]:
    """The report and the table of `describe_clusters`, and the samples: rows of the packed index.

    Args:
        packed: The pictures that the predictor was trained on, and those of val and test.
        predictor: Of a task without labels.
        card: Of the predictor.
        options: How the clusters are described.
        held_out: Splits whose clusters are compared with their labels, besides train.

    Raises:
        UserError: The predictor has no clusters.
    """
    if not isinstance(predictor, ClusterPredictor):
        raise UserError("data/predictor has no clusters; set experiment=clusters and run colibri run")
    samples = packed.index[packed.index["split"] != POOL]
    vectors = predictor.extract(packed.images, samples.index.to_numpy())
    how = "pretrained without labels" if card.get("pretraining") else "not trained on them"
    described = f"features of {name_encoder(card['encoder'])}, {how}"
    source = str(card["source"])
    return *describe_clusters(samples, vectors, predictor.grouping, options, source, described, held_out), samples
