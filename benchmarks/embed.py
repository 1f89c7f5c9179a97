"""Pictures a second of the stage `embed` against the bare forward pass, and the ways to compute that pass.

    python -m benchmarks.embed [--source elpv] [--pictures 1024]
    python -m benchmarks.embed --folder FOLDER          # pictures of your own, one sub-folder per class

The stage decodes, checks, fits, transforms and writes what it reads; the bare pass runs its frozen network over a
batch that is in memory already. The two take turns, since a machine's speed changes from minute to minute: the ratio
is the median of the rounds (target: at least 0.9). Then the bare pass in each precision and memory layout that
`FeatureExtractor` could use, which is where its choice comes from.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml

from benchmarks import positive, run_main
from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.core.parallel import num_workers, parallel_map
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.images.decoding import Decoding, content_hash, decode
from pipeline.media.picture_codec import PictureCodec
from pipeline.media.reader import SampleReader

CONF = Path(__file__).parents[1] / "conf"
MAX_PIXELS = 100_000_000
LIMITS = Decoding(max_pixels=MAX_PIXELS)
ROUNDS = 5


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def stage(featuriser: FeatureExtractor, read: Callable[..., Any], items: list[tuple[str, str]]) -> None:
    """What `stages/embed.py` does, but for the writing of 2,560 bytes a picture."""
    for _ in featuriser.stream(parallel_map(read, items, len(items), "embed")):
        pass


def bare(encoder: Any, batch: Any, batches: int) -> None:
    import torch

    with torch.inference_mode():
        for _ in range(batches):
            encoder(batch)


def ways(featuring: FeatureOptions, batch: Any) -> dict[str, Callable[[], object]]:
    """Each precision and layout to one pass over the batch."""
    import torch

    encoder = config.build(featuring.encoder, "embed.encoder").eval()
    last = config.build(featuring.encoder, "embed.encoder").eval().to(memory_format=torch.channels_last)
    flat, deep = batch.contiguous(), batch.contiguous(memory_format=torch.channels_last)

    def half(run: Callable[[], object]) -> Callable[[], object]:
        def inner() -> object:
            with torch.autocast("cpu", torch.bfloat16):
                return run()

        return inner

    return {
        "fp32, as trained": partial(bare, encoder, flat, 1),
        "fp32, channels last": partial(bare, last, deep, 1),
        "bf16, channels last": half(partial(bare, last, deep, 1)),
    }


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="elpv")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--embed", default="efficientnet_lite0", help="a file of conf/embed")
    parser.add_argument("--pictures", type=positive, default=1024)
    told = parser.parse_args()
    choice = ["source=folder", f"source.path={told.folder.resolve()}"] if told.folder else [f"source={told.source}"]
    params = yaml.safe_load(config.compose(CONF, [*choice, f"embed={told.embed}"]))
    source = config.build(params["source"], "source")
    featuring: FeatureOptions = config.instantiate(FeatureOptions, params["embed"], "embed")
    featuriser = FeatureExtractor(featuring)
    paths = source.read()["path"].tolist()[: told.pictures // featuring.batch_size * featuring.batch_size]
    items = [(path, content_hash(decode(source.open(path), LIMITS))) for path in paths]
    batches = len(items) // featuring.batch_size
    reader = SampleReader(source=source, codec=PictureCodec(decoding=LIMITS))
    read = partial(reader.load_stored, storage=featuring.storage(3))
    pictures = np.stack([read(one) for one in items[: featuring.batch_size]])
    batch = featuriser.frozen.transform(to_tensor(pictures)).to(featuriser.frozen.device)
    print(f"{platform.machine()}, {num_workers()} cores, torch {torch.__version__}, {len(items):,} pictures")
    stage(featuriser, read, items)  # starts the processes
    bare(featuriser.frozen.encoder, batch, 2)
    ratios = []
    for number in range(1, ROUNDS + 1):
        whole = len(items) / seconds(lambda: stage(featuriser, read, items))
        alone = batches * len(batch) / seconds(lambda: bare(featuriser.frozen.encoder, batch, batches))
        ratios.append(whole / alone)
        print(f"round {number}: stage {whole:.0f} pictures/s, bare {alone:.0f}, ratio {whole / alone:.2f}", flush=True)
    print(f"ratio {median(ratios):.2f}; target 0.9")
    if featuriser.frozen.device.type == "cpu":
        for name, run in ways(featuring, batch).items():
            run()
            print(f"{name}: {len(batch) / min(seconds(run) for _ in range(ROUNDS)):.0f} pictures/s")


if __name__ == "__main__":
    run_main(main)
