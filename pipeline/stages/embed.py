"""Frozen features of every accepted sample, computed once, after nothing stopped the run and before anything learns."""

from __future__ import annotations

from functools import partial

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.contracts import Source
from pipeline.core.parallel import parallel_map
from pipeline.datasets.npy import write_array
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.features.store import make_card, to_float16
from pipeline.images.decoding import Decoding
from pipeline.images.loading import load_resized


def main() -> None:
    params = config.load_params()
    node = config.get_section(params, "embed")
    featuring: FeatureOptions = config.instantiate(FeatureOptions, node, "embed")
    source: Source = config.build(config.get_section(params, "source"), "source")
    manifest = artifacts.read_table(artifacts.MANIFEST)
    featuriser = FeatureExtractor(featuring)
    read = partial(
        load_resized, source, Decoding.of_manifest(params, manifest), featuriser.image_size, featuring.fit,
        int(manifest["channels"].max()),
    )  # fmt: skip
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    images = parallel_map(read, items, len(manifest), "embed")
    with artifacts.atomic_write(artifacts.EMBEDDINGS) as folder:
        folder.mkdir()
        shape = (len(manifest), featuriser.feature_dim)
        write_array(folder / "features.npy", to_float16(featuriser.stream(images)), shape, "<f2")
        artifacts.write_table(folder / "index.parquet", manifest[["sample_id"]])
        artifacts.write_json(folder / "card.json", make_card(node, manifest, featuriser))


if __name__ == "__main__":
    stage_runner.run("embed", main)
