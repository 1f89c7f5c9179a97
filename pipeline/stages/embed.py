"""Frozen features of every accepted sample, computed once, after nothing stopped the run and before anything learns."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd

from pipeline.core import config, files, stage
from pipeline.core.contracts import Source
from pipeline.core.featuring import Featuring, Featuriser
from pipeline.core.looking import fitted
from pipeline.core.packing import write_array
from pipeline.core.parallel import map_in_order
from pipeline.core.pictures import Decoding


def main() -> None:
    params = config.load_params()
    node = config.section(params, "embed")
    featuring: Featuring = config.call(Featuring, node, "embed")
    source: Source = config.build(config.section(params, "source"), "source")
    manifest = files.read_table(files.MANIFEST)
    featuriser = Featuriser(featuring)
    read = partial(
        fitted, source, Decoding.of_manifest(params, manifest), featuriser.size, featuring.fit,
        int(manifest["channels"].max()),
    )  # fmt: skip
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    images = map_in_order(read, items, len(manifest), "embed")
    with files.replacing(files.EMBEDDINGS) as folder:
        folder.mkdir()
        shape = (len(manifest), featuriser.feature_dim)
        write_array(folder / "features.npy", halves(featuriser.stream(images)), shape, "<f2")
        files.write_table(folder / "index.parquet", manifest[["sample_id"]])
        files.write_json(folder / "card.json", card(node, manifest, featuriser))


def halves(features: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    """float16, which takes half the place and costs nothing that a check could see; never infinite."""
    largest = np.finfo(np.float16).max
    return (np.clip(one, -largest, largest).astype("<f2") for one in features)


def card(node: dict[str, object], manifest: pd.DataFrame, featuriser: Featuriser) -> dict[str, object]:
    return {
        "embed": node,
        "num_samples": len(manifest),
        "feature_dim": featuriser.feature_dim,
        "data_hash": files.digest(*(one.encode() for one in manifest["content_hash"])),
    }


if __name__ == "__main__":
    stage.run("embed", main)
