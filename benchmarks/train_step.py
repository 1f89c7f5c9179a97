"""Images per second of the training loop against the same network on a tensor in memory, and of the loader alone.

    python -m benchmarks.train_step                      # EfficientNet-Lite0 at 128 px, as conf/ has it
    python -m benchmarks.train_step --steps 8 --rounds 5
    python -m benchmarks.train_step --choices compile    # and deterministic: what these choices of conf/train/ give

Targets: the loop at least 0.95 of the bare step; the loader at least 5,000 images/s on 2 cores. Both sides run in this
process, in turns, since a machine's own speed changes from minute to minute; beside seconds stand processor seconds,
which other programs at work lengthen less. The bare step is what nobody can do without: gradients to zero, forward,
loss, backward, AdamW; the loop also draws, reads, augments, normalises, averages weights and checks its numbers.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks import positive, run_main, scale
from pipeline.core import config
from pipeline.core.batches import ImageDataset
from pipeline.core.parallel import num_workers
from pipeline.datasets.packing import Packing
from pipeline.training.batch_loader import BatchLoader, make_ahead
from pipeline.training.determinism import make_reproducible
from pipeline.training.loop import Loop

PICTURES = 2048
TARGETS = {"loop": 0.95, "loader": 5000}


def samples(params: dict[str, Any], num: int) -> ImageDataset:
    """Packed pictures of three channels as `augment` writes them, of noise: nothing here looks at them."""
    side = Packing(**params["augment"]).stored_size
    images = np.random.default_rng(0).integers(0, 256, (num, side, side, 3), dtype=np.uint8)
    policy = tuple(config.build(node, name, "augmentation") for name, node in params["augmentation"].items())
    targets = np.eye(2, dtype=np.float32)[np.arange(num) % 2]
    return ImageDataset(images, np.arange(num), targets, config.build(params["transform"], "transform"), policy)


def clocks() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def loader(params: dict[str, Any], rounds: int) -> np.ndarray:
    """(rounds, 2) images/s by both clocks, made ahead as for a GPU; only their way into pinned memory is left out."""
    feed = BatchLoader(samples(params, PICTURES), params["train"]["batch_size"], seed=0)
    found = []
    for _ in range(rounds):
        start = clocks()
        drawn = feed.samples.epoch_batches(feed.size, feed.generator)
        num = sum(len(batch[0]) for batch in make_ahead(feed.make, drawn, num_workers()))
        found.append(num / (clocks() - start))
    return np.array(found)


def built(params: dict[str, Any], num_images: int, **choices: Any) -> Loop:
    task, risk = (config.build(params[name], name) for name in ("task", "risk"))
    trainer = config.build({**params["train"], **choices}, "train")
    torch.manual_seed(0)
    loop: Loop = trainer.loop(config.build(params["encoder"], "encoder"), task, risk, samples(params, num_images))
    return loop


def real(loop: Loop) -> Iterator[None]:
    """One pass of the loop at each turn."""
    while True:
        loop.epoch(lambda loss: None)
        yield


def bare(loop: Loop, steps: int) -> Iterator[None]:
    """As many steps on one batch that is there already, at each turn."""
    images, targets, _ = next(iter(loop.feed))
    images, targets = images.to(loop.processes.device), targets.to(loop.processes.device)
    loop.network.train()
    while True:
        for _ in range(steps):
            loop.optimiser.zero_grad(set_to_none=True)
            with loop.processes.autocast():
                logits = loop.network(images)
            loop.objective.task.loss(logits.float(), targets).backward()
            loop.optimiser.step()
        if images.device.type == "cuda":
            torch.cuda.synchronize()
        yield


def in_turns(sides: dict[str, Callable[[], Any]], rounds: int, num_images: int) -> dict[str, np.ndarray]:
    """Images/s by both clocks of each side, (rounds, 2); the first turn of each is thrown away."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in list(sides) if number % 2 else list(sides)[::-1]:
            start = clocks()
            sides[name]()
            if number:
                found[name].append(num_images / (clocks() - start))
    return {name: np.array(rows) for name, rows in found.items()}


def show(name: str, rows: np.ndarray, reference: np.ndarray | None = None, target: float | None = None) -> None:
    line = f"{name:22} {np.median(rows[:, 0]):9.1f} {np.median(rows[:, 1]):12.1f}"
    if reference is not None:
        ratios = rows / reference
        low, high = ratios[:, 0].min(), ratios[:, 0].max()
        line += (
            f"   ratio {np.median(ratios[:, 0]):.3f} ({low:.3f} to {high:.3f}), processor {np.median(ratios[:, 1]):.3f}"
        )
    print(line + (f"   target: {target}" if target else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=positive, default=4, help="of a turn")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--choices", nargs="*", default=[], choices=["compile", "deterministic"])
    arguments = parser.parse_args()
    params = scale.chosen()
    num_images = params["train"]["batch_size"] * arguments.steps
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {os.getloadavg()[0]:.1f} programs at work, ",
        end="",
    )
    with make_reproducible(0):
        loop, other = built(params, num_images), built(params, num_images)
        print(f"{loop.processes.device}, {loop.processes.precision}")
        print(f"{'':22} {'images/s':>9} {'per proc. s':>12}")
        show("loader", loader(params, arguments.rounds), target=TARGETS["loader"])
        ours, theirs = real(loop), bare(other, arguments.steps)
        sides = {"bare step": lambda: next(theirs), "loop": lambda: next(ours)}
        if "compile" in arguments.choices:
            compiled = real(built(params, num_images, compile=True))
            sides["loop, compiled"] = lambda: next(compiled)
        if "deterministic" in arguments.choices:
            free = real(built(params, num_images))

            def any_kernel() -> None:
                with make_reproducible(0, deterministic=False):
                    next(free)

            sides["loop, any kernel"] = any_kernel
        found = in_turns(sides, arguments.rounds, num_images)
        for name, rows in found.items():
            target = TARGETS["loop"] if name == "loop" else None
            show(name, rows, None if name == "bare step" else found["bare step"], target)


if __name__ == "__main__":
    run_main(main)
