"""When a training is saved, and whether it can be resumed here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor

from pipeline.core.contracts import CheckpointStore
from pipeline.core.errors import UserError
from pipeline.training import state_dicts

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.training.loop import Loop


@final
class Progress:
    """The finished epochs, the best of them, and the checkpoints that hold both and the state of the loop.

    Args:
        loop: The training that is saved and resumed.
        checkpoints: Where it is saved; None for nowhere.
        seconds: About how long between two checkpoints within an epoch. The clock decides when a checkpoint is
            written, and is no part of its content.
    """

    def __init__(self, loop: Loop, checkpoints: CheckpointStore | None, seconds: float):
        self.loop, self.checkpoints, self.seconds = loop, checkpoints, seconds
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_scores = np.empty(0, dtype=np.float32)
        self.best_loss = float("inf")
        self.saved_at = time.monotonic()

    def add_row(self, row: dict[str, float]) -> None:
        """Adds the figures of one epoch, where the last epoch is the result."""
        self.history.append(row)

    def add(self, row: dict[str, float], scores: np.ndarray) -> None:
        """Adds the figures of one epoch and its scores on val; copies its weights if it is the best so far."""
        self.add_row(row)
        if row["val_loss"] < self.best_loss:
            self.best = state_dicts.of_module("best", self.loop.current_network())
            self.best_scores, self.best_loss = scores, row["val_loss"]

    def save_when_due(self) -> None:
        if self.checkpoints is not None:
            due = time.monotonic() - self.saved_at >= self.seconds
            if self.loop.processes.broadcast(due):
                self.save()

    def save(self) -> None:
        """Writes a checkpoint, unless it holds NaN or infinity: a training could not go on from these."""
        if self.checkpoints is None:
            return
        tensors, facts = self.loop.state()  # every process, since each has random states of its own
        if self.loop.processes.is_first and all(bool(one.isfinite().all()) for one in tensors.values()):
            tensors |= self.best | {"best_scores": torch.from_numpy(self.best_scores)}
            facts |= {"history": self.history, "best_loss": self.best_loss, "made_by": self._made_by()}
            self.checkpoints.save(self.loop.step, tensors, facts)
        self.saved_at = time.monotonic()

    def restore(self) -> None:
        """Continues from the last checkpoint, if the same torch, device, precision and number of processes wrote it.

        Raises:
            UserError: The processes do not find the same checkpoint.
        """
        latest = None if self.checkpoints is None else self.checkpoints.latest()
        if latest is not None and latest[1]["made_by"] == self._made_by():
            tensors, facts = latest
            self.loop.restore(tensors, facts)
            self.history, self.best_loss = facts["history"], facts["best_loss"]
            self.best = {f"best/{name}": one for name, one in state_dicts.under("best", tensors).items()}
            self.best_scores = tensors["best_scores"].numpy()
        if self.loop.processes.broadcast(self.loop.step) != self.loop.step:
            raise UserError(
                "the processes do not find the same checkpoint; put .checkpoints/ on a disk that all machines share, "
                "or remove it on all of them"
            )

    def _made_by(self) -> JsonObject:
        """What must be equal to resume: with anything else the same steps give other bits."""
        processes = self.loop.processes
        return {
            "torch": str(torch.__version__),
            "device": processes.device.type,
            "precision": processes.precision,
            "num_processes": processes.count,
        }
