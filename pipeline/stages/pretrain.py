"""Packed arrays to the encoder that training starts from; an objective other than `none` pretrains it on pictures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core import artifacts, config, rank, stage_runner, terminal
from pipeline.core.axes import check_spatial_rank
from pipeline.core.code_digest import code_digest, component_modules
from pipeline.core.objective_contracts import Pretext
from pipeline.core.open_types import Params
from pipeline.core.terminal import count_of
from pipeline.core.uris import mask_credentials
from pipeline.datasets.packed import PackedDataset
from pipeline.tracking.connection import root
from pipeline.training import checkpoints as store
from pipeline.training import pretraining
from pipeline.training.feature_watch import FeatureWatch
from pipeline.training.pretrained_encoder import MADE_OF, build_encoder, write_encoder, write_unchanged
from pipeline.training.pretraining import Pretraining
from pipeline.training.view_dataset import count_samples, make_view_dataset


def main() -> list[str]:
    params = config.load_params()
    nodes = {name: config.get_section(params, name) for name in MADE_OF}
    pretext: Pretext = config.build(nodes["objective"], "objective")
    if not pretext.trains:
        with artifacts.atomic_write(artifacts.ENCODER) as folder:
            write_unchanged(folder)
        artifacts.write_csv(artifacts.PRETRAIN_CURVES, pd.DataFrame({"epoch": [], "loss": []}))
        return ["the encoder as it is (objective=none)"]
    return pretrain(nodes, pretext, str(config.get_section(params, "source")["name"]))


def pretrain(nodes: Params, pretext: Pretext, source: str) -> list[str]:
    packed = PackedDataset.load()
    options: Pretraining = config.instantiate(Pretraining, nodes["pretrain"], "pretrain")
    transform = config.build(nodes["transform"], "transform")
    views = config.build_all(nodes, "views")
    encoder = build_encoder(nodes, options.seed)
    parts = {"encoder": encoder, "transform": transform, "objective": pretext}
    check_spatial_rank({**parts, **{f"views.{name}": one for name, one in views.items()}}, packed.images.shape[1:])
    samples = make_view_dataset(packed, pretext, transform, tuple(views.values()))
    shape = (3, *packed.images.shape[1:-3], transform.image_size, transform.image_size)
    code = code_digest([Path(pretraining.__file__), *component_modules(nodes)])
    packing = [path.read_bytes() for path in sorted(artifacts.PACKED.glob("*.*")) if path.suffix != ".npy"]
    key = artifacts.content_digest(artifacts.canonical_json(nodes), code.encode(), *packing)
    states = store.open_checkpoints(key, root(), tell=warn)
    history = options.fit(encoder, samples, shape, FeatureWatch(packed, transform, samples.views), no_log, states)
    if rank.is_main_process():
        with artifacts.atomic_write(artifacts.ENCODER) as folder:
            write_encoder(
                folder,
                encoder,
                {**nodes, "source": source, "num_samples": count_samples(packed, samples), **history[-1]},
            )
        artifacts.write_csv(artifacts.PRETRAIN_CURVES, pd.DataFrame(history))
        states.clear()
    rank.finish()
    return [f"{count_of(len(samples), 'picture')}, {count_of(len(history), 'epoch')}, loss {history[-1]['loss']:.3f}"]


def no_log(epoch: int, figures: dict[str, float]) -> None:
    """A log that records nothing: `register` adds reports/pretrain.csv to the run."""


def warn(line: str) -> None:
    if rank.is_main_process():
        terminal.warn(f"pretrain: {mask_credentials(line)}")


if __name__ == "__main__":
    stage_runner.run("pretrain", main)
