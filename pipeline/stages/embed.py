"""Frozen features of every accepted sample, computed once, after nothing stopped the run and before anything learns."""

from __future__ import annotations

from functools import partial

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.contracts import Source
from pipeline.core.parallel import map_in_order
from pipeline.datasets.npy import write_array
from pipeline.features.extractor import Featuring, Featuriser
from pipeline.features.store import card, halves
from pipeline.images.decoding import Decoding
from pipeline.images.loading import fitted


def main() -> None:
    params = config.load_params()
    node = config.section(params, "embed")
    featuring: Featuring = config.call(Featuring, node, "embed")
    source: Source = config.build(config.section(params, "source"), "source")
    manifest = artifacts.read_table(artifacts.MANIFEST)
    featuriser = Featuriser(featuring)
    read = partial(
        fitted, source, Decoding.of_manifest(params, manifest), featuriser.size, featuring.fit,
        int(manifest["channels"].max()),
    )  # fmt: skip
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    images = map_in_order(read, items, len(manifest), "embed")
    with artifacts.replacing(artifacts.EMBEDDINGS) as folder:
        folder.mkdir()
        shape = (len(manifest), featuriser.feature_dim)
        write_array(folder / "features.npy", halves(featuriser.stream(images)), shape, "<f2")
        artifacts.write_table(folder / "index.parquet", manifest[["sample_id"]])
        artifacts.write_json(folder / "card.json", card(node, manifest, featuriser))


if __name__ == "__main__":
    stage_runner.run("embed", main)
