"""How fast each encoder of conf/ is here: parameters, and images per second forward and in training.

    python -m benchmarks.networks [NAME ...]

Each at the size it is commonly used at, random pictures, batches of 8, fp32, one thread; encoders of clips and
volumes with 16 frames of 112 pixels and with 32 x 32 x 32 voxels, in batches of 2 and of 8: after one step for warming
up the median of as many steps as fit into two seconds. `forward` is the network in evaluation, `training` is
forward, backward and AdamW. Time is the processor's, not the clock's, so that a machine that does other things
meanwhile gives nearly the same figures; two cores are not quite twice as fast.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from benchmarks import run_main
from pipeline.core import config
from pipeline.models.memory_layout import MemoryLayout

SIZES = {"inception_v3": 299, "inception_v4": 299, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
SIZE, BATCH, SECONDS, CLASSES = 224, 8, 2.0, 10
CLIP, VOLUME = (16, 112, 112), (32, 32, 32)  # with these a batch of a clip has 2 samples


def main() -> None:
    torch.set_num_threads(1)
    names = sys.argv[1:] or sorted(path.stem for path in Path("conf/encoder").glob("*.yaml"))
    print(
        "| encoder | parameters | size | forward, images/s per core | training, images/s per core |\n"
        "|---|---:|---:|---:|---:|"
    )
    for name in names:
        for line in rows(name):
            print(line, flush=True)


def rows(name: str) -> Iterator[str]:
    size = SIZES.get(name, SIZE)
    transform = ["transform=unit", f"image_size={size}"]
    node = config_of(f"encoder={name}", *transform)
    torch.manual_seed(0)
    encoder = config.build({**node, **({"weights": "none"} if "weights" in node else {})}, "encoder")
    if encoder.spatial_rank == 3:
        yield row(name, encoder, torch.rand(2, 3, *CLIP))
        yield row(name, encoder, torch.rand(BATCH, 3, *VOLUME))
    else:
        yield row(name, encoder, torch.rand(BATCH, 3, size, size))


def row(name: str, encoder: nn.Module, images: torch.Tensor) -> str:
    layout = MemoryLayout(channels_last=True)
    images, encoder = images.contiguous(memory_format=layout.format(images)), layout.place(encoder, images.device)
    size = " x ".join(map(str, images.shape[2:]))
    num = sum(one.numel() for one in encoder.parameters())
    forward, training = forward_speed(encoder, images), training_speed(encoder, images) if num else None
    learnt = f"{num / 1e6:.2f} M" if num else "none"
    return f"| {name} | {learnt} | {size} | {forward:.3g} | {'-' if training is None else f'{training:.3g}'} |"


def config_of(*overrides: str) -> dict[str, object]:
    import yaml

    node: dict[str, object] = yaml.safe_load(config.compose(Path("conf"), list(overrides)))["encoder"]
    return node


def forward_speed(encoder: nn.Module, images: torch.Tensor) -> float:
    encoder = encoder.eval()

    def step() -> None:
        with torch.inference_mode():
            encoder(images)

    return speed(step, len(images))


def training_speed(encoder: nn.Module, images: torch.Tensor) -> float:
    head = nn.Linear(int(encoder.feature_dim), CLASSES)  # type: ignore[arg-type]
    network = nn.Sequential(encoder.train(), head)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    targets = torch.arange(len(images)) % CLASSES

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(images), targets).backward()
        optimiser.step()

    return speed(step, len(images))


def speed(step: Callable[[], None], num: int) -> float:
    """Images per second of one core, by the median step."""
    step()
    times: list[float] = []
    while sum(times) < SECONDS:
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return num / statistics.median(times)


if __name__ == "__main__":
    run_main(main)
