"""What a person sees of a training: a bar while it runs, and a line for each epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, final

from pipeline.core import progress, terminal
from pipeline.core.progress import clock, rate

if TYPE_CHECKING:
    from pipeline.training.loop import Loop

History = list[dict[str, float]]
MAX_LINES = 20  # of a training with more epochs, every second, third ... epoch gets a line
FIGURES = {True: ("val_accuracy", "val accuracy"), False: ("val_f1_macro", "val macro F1")}  # by: exclusive classes


class Words(Protocol):
    """How the figures of an epoch are written."""

    def losses(self, row: dict[str, float]) -> str:
        """`loss 0.412`, and more of the kind."""

    def figure(self, row: dict[str, float]) -> str:
        """The figure that people look at, after two spaces; empty where the row has none."""


@final
@dataclass(frozen=True)
class SupervisedWords(Words):
    """Of a training for labels.

    Args:
        exclusive: Whether each sample has exactly one label.
    """

    exclusive: bool

    def losses(self, row: dict[str, float]) -> str:
        return f"loss {row['train_loss']:.3f}  val loss {row['val_loss']:.3f}"

    def figure(self, row: dict[str, float]) -> str:
        name, words = FIGURES[self.exclusive]
        return f"  {words} {100 * row[name]:.1f} %" if name in row else ""


@contextmanager
def display(loop: Loop, history: History, words: Words) -> Iterator[TrainingDisplay]:
    """What shows a training that begins, or is resumed after the epochs of `history`."""
    total = loop.num_epochs * loop.feed.num_batches
    stage = loop.optimisation.section
    if loop.processes.is_first and loop.step:
        terminal.say(f"{stage}: resuming at step {loop.step:,} of {total:,}")
    with progress.show(stage, total, "steps", loop.step, (loop.feed.size, "pictures")) as bar:
        yield TrainingDisplay(loop, bar, history, words)


@final
class TrainingDisplay:
    """Shows the steps and the epochs of one training.

    Args:
        loop: The training.
        bar: None where no person looks.
        history: Figures of the epochs that are done.
        words: Of the figures of an epoch.
    """

    def __init__(self, loop: Loop, bar: progress.Bar | None, history: History, words: Words):
        self.loop, self.bar, self.words = loop, bar, words
        self.first_step, self.started = loop.step, time.monotonic()
        self.figure = words.figure(history[-1]) if history else ""

    def add_step(self, loss: float) -> None:
        """Moves the bar; costs microseconds where it is not redrawn."""
        if self.bar is not None:
            epoch = (self.loop.step - 1) // self.loop.feed.num_batches + 1
            stage = self.loop.optimisation.section
            self.bar.advance(1, f"{stage}  epoch {epoch}/{self.loop.num_epochs}", f"loss {loss:.3f}{self.figure}")

    def add_epoch(self, row: dict[str, float], pictures_per_second: float) -> None:
        """Prints the line of an epoch; of many epochs about 20 have one, the last among them.

        Args:
            row: Its figures.
            pictures_per_second: Of its steps, without the evaluation on val.
        """
        self.figure = self.words.figure(row)
        epoch, last = int(row["epoch"]), self.loop.num_epochs
        if not self.loop.processes.is_first or (epoch % math.ceil(last / MAX_LINES) and epoch < last):
            return
        left = self.loop.num_epochs * self.loop.feed.num_batches - self.loop.step
        seconds = (time.monotonic() - self.started) * left / max(self.loop.step - self.first_step, 1)
        line = f"epoch {epoch:{len(str(last))}}/{last}  {self.words.losses(row)}{self.figure}"
        speed, end = f"  {rate(pictures_per_second)} pictures/s", f"  left {clock(seconds)}" if left else ""
        fits = len(line + speed + end) <= terminal.width(sys.stdout)
        terminal.say(line + (speed if fits else "") + end)


def describe_history(history: History, exclusive: bool) -> str:
    """The epochs of a training and the figures of the best of them, which is its result."""
    if "num_clusters" in history[-1]:
        return describe_clusters(history[-1])
    finite = [row for row in history if math.isfinite(row["val_loss"])]
    best = min(finite or history, key=lambda row: row["val_loss"])
    name, words = FIGURES[exclusive]
    figures = f"val loss {best['val_loss']:.3f}, {words} {100 * best[name]:.1f} %"
    return figures if len(history) == 1 else f"{len(history)} epochs, best {int(best['epoch'])}: {figures}"


def describe_clusters(row: dict[str, float]) -> str:
    """How many clusters were found, and how well halves of train agree on them."""
    agree = f", on which halves agree by {row['stability']:.2f}" if "stability" in row else ""
    return f"{int(row['num_clusters'])} clusters{agree}"
