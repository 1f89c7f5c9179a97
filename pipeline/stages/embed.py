"""Frozen features of every accepted sample, computed once, after the checks and before training."""

from __future__ import annotations

from functools import partial
from itertools import chain

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.axes import check_spatial_rank
from pipeline.core.parallel import parallel_batches
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.datasets.npy import write_array
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.features.store import make_card, to_float16
from pipeline.media.reader import make_reader


def main() -> list[str]:
    params = config.load_params()
    node = config.get_section(params, "embed")
    featuring: FeatureOptions = config.instantiate(FeatureOptions, node, "embed")
    manifest = artifacts.read_table(artifacts.MANIFEST)
    reader = make_reader(params, manifest)
    featuriser = FeatureExtractor(featuring)
    storage = reader.storage(featuring.image_size, featuring.fit, int(manifest["channels"].max()))
    check_spatial_rank(featuriser.components, storage.shape)
    read = partial(reader.load_stored, storage=storage)
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    model, size = featuriser.frozen, featuring.batch_size
    features = chain.from_iterable(parallel_batches(read, model, items, len(manifest), size, "embed"))
    with artifacts.atomic_write(artifacts.EMBEDDINGS) as folder:
        folder.mkdir()
        shape = (len(manifest), featuriser.feature_dim)
        write_array(folder / "features.npy", to_float16(features), shape, "<f2")
        artifacts.write_table(folder / "index.parquet", manifest[["sample_id"]])
        artifacts.write_json(folder / "card.json", make_card(node, manifest, featuriser))
    return [f"{featuriser.feature_dim:,} features of {count_of(len(manifest), noun_of(reader.codec.media))}"]


if __name__ == "__main__":
    stage_runner.run("embed", main)
