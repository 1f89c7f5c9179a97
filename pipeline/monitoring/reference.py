"""What the model in use was trained on, from the artifacts of its run: properties, features, labels, predictions."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.observations import Observations
from pipeline.features.store import Embeddings

if TYPE_CHECKING:
    import pandas as pd

FITTED = ("train", "val")  # what the model was fitted to, and what it was selected and calibrated on


def load_reference(folder: Path = Path()) -> Observations:
    """The pictures of train and val of the last run, with frozen features, and the decisions on those of val.

    The model was not fitted to val, so its scores there are like those on new pictures. Nothing of the test part is
    used.

    Args:
        folder: Of the project.

    Raises:
        UserError: An artifact is missing.
    """
    manifest = artifacts.read_table(folder / artifacts.MANIFEST).drop(columns="group")
    splits = artifacts.read_table(folder / artifacts.SPLITS)[["sample_id", "split", "group"]]
    classes = list(artifacts.read_metadata(folder / artifacts.PREDICTIONS)["classes"])
    scored = artifacts.read_table(folder / artifacts.PREDICTIONS)
    scored = scored.loc[scored["split"] == "val", ["sample_id", "decided", "scores"]]
    table = splits[splits["split"].isin(FITTED)].merge(manifest, on="sample_id").merge(scored, "left", on="sample_id")
    if not set(table["labels"].explode()) & set(classes):  # of clusters, which are of no label
        table = table.drop(columns=["labels", "negative"], errors="ignore")
    exclusive = artifacts.read_json(folder / artifacts.POLICY)["exclusive"] is True
    return Observations.of_table(table, classes, stored_features(table["sample_id"], folder), exclusive)


def select_new(sample_ids: Collection[str] | None = None, folder: Path = Path()) -> pd.DataFrame:
    """The rows of the manifest that the last run did not split, or those of some names; they are new pictures.

    Args:
        sample_ids: Of new samples of the manifest; None for those that are not in `data/splits.parquet`.
        folder: Of the project.

    Raises:
        UserError: A name is not in the manifest.
    """
    manifest = artifacts.read_table(folder / artifacts.MANIFEST)
    if sample_ids is None:
        splits = artifacts.read_table(folder / artifacts.SPLITS, columns=["sample_id"])
        return manifest[~manifest["sample_id"].isin(set(splits["sample_id"]))].reset_index(drop=True)
    names = set(map(str, sample_ids))
    if unknown := sorted(names - set(manifest["sample_id"])):
        raise UserError(
            f"{unknown[0]!r} is no sample of {artifacts.MANIFEST} ({len(unknown):,} such names); run dvc repro ingest"
        )
    return manifest[manifest["sample_id"].isin(names)].reset_index(drop=True)


def stored_features(sample_ids: pd.Series, folder: Path = Path()) -> np.ndarray | None:
    """(N, D) features of these samples; None where `data/embeddings/` lacks one of them."""
    place = folder / artifacts.EMBEDDINGS
    if not (place / "card.json").is_file():
        return None
    stored = Embeddings.load(place)
    return np.asarray(stored.of(sample_ids)) if set(sample_ids) <= set(stored.index["sample_id"]) else None
