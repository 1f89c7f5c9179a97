"""The training loop: its moving parts, a step, and all of it as tensors and facts that it can go on from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from pipeline.core.contracts import Risk, Task
from pipeline.core.errors import UserError
from pipeline.core.parallel import num_workers
from pipeline.core.samples import Samples
from pipeline.trainers import snapshots
from pipeline.trainers.averaging import warmed_up_average
from pipeline.trainers.compiling import compiled
from pipeline.trainers.feeding import Batch, Feed
from pipeline.trainers.freezing import Freezing
from pipeline.trainers.layout import layout
from pipeline.trainers.network import Classifier
from pipeline.trainers.parameters import parameter_groups
from pipeline.trainers.processes import Processes
from pipeline.trainers.schedule import learning_rate_factor, num_epochs

if TYPE_CHECKING:
    from pipeline.trainers.finetune import FineTune

MAX_THREADS = 8  # that make batches for a GPU; as many and one more lie in pinned memory


@final
class Loop:
    """The moving parts of one training, and how far it is.

    A step takes `batch_size` x `accumulation` samples, in that many parts, and of each part every process takes its
    share; the risk is always computed on a whole part.

    Args:
        options: Choices.
        encoder: With its first weights.
        task: As `weighed` returned it.
        risk: What is made small.
        train: Samples.
        halvings: How often parts were halved because they did not fit into memory.
    """

    def __init__(
        self, options: FineTune, encoder: nn.Module, task: Task, risk: Risk, train: Samples, halvings: int = 0
    ):
        self.options, self.task, self.risk, self.halvings = options, task, risk, halvings
        self.processes = Processes(options.precision)
        if options.frozen_epochs and self.processes.count > 1:  # they would wait for gradients that never come
            raise UserError("train.frozen_epochs takes one process; set it to 0, or launch one")
        step_size = options.batch_size * options.accumulation
        threads = min(num_workers(), MAX_THREADS) if self.processes.device.type == "cuda" else 0
        self.feed = Feed(train, step_size, options.seed, threads)
        self.num_images = self.feed.num_batches * step_size
        num_cells = 1 if train.cells is None else int(train.cells.max()) + 1
        self.cell_weights = torch.full((num_cells,), 1 / num_cells, dtype=torch.float64).to(self.processes.device)
        network = Classifier(encoder, train.targets.shape[1], options.dropout)
        self.network = cast(Classifier, self.processes.network(network))
        self.layout = layout(self.network)
        self.average = None
        if options.ema_decay is not None:
            average = warmed_up_average(options.ema_decay)
            self.average = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            parameter_groups(self.network, options.weight_decay, options.learning_rate, options.layer_decay)
        )
        self.num_epochs = num_epochs(options.epochs, options.min_steps, self.feed.num_batches)
        factor = learning_rate_factor(self.num_epochs * self.feed.num_batches, options.warmup_fraction)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, factor)
        self.stepped = self.processes.parallel(compiled(self.network) if options.compile else self.network)
        if self.processes.number:  # dropout of the others' rows is drawn apart
            torch.manual_seed(options.seed + self.processes.number)
        self.freezing = Freezing(frozen_epochs=options.frozen_epochs)
        self.step, self.losses = 0, cast(list[float], [])

    def epoch(self, bar: tqdm[Any], after_step: Callable[[], None]) -> float:
        """The rest of one pass over train; the mean loss of the whole pass."""
        self.network.train()
        self.freezing(self.network, self.step // self.feed.num_batches + 1)
        for batch in self.feed:
            loss = self._stepped(batch)
            self.step += 1
            if not math.isfinite(loss):
                epoch = (self.step - 1) // self.feed.num_batches + 1
                raise UserError(
                    f"the loss became {loss} at step {self.step}, in epoch {epoch}; lower train.learning_rate"
                )
            self.losses.append(loss)
            bar.update(len(batch[0]))
            after_step()
        mean, self.losses = float(np.mean(self.losses)), []
        self.processes.same_buffers(self.network, *([] if self.average is None else [self.average]))
        return mean

    def _stepped(self, batch: Batch) -> float:
        """One optimiser step; the loss before it."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.gradients(batch, self.options.accumulation * 2**self.halvings)
        self.optimiser.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return loss

    def gradients(self, batch: Batch, num_parts: int) -> float:
        """Adds the gradient of the mean over the batch; that mean.

        Args:
            batch: Pictures, targets and cells.
            num_parts: Parts that are computed one after the other, to save memory.
        """
        size, total = len(batch[0]), 0.0
        for number in range(num_parts):
            rows = slice(size * number // num_parts, size * (number + 1) // num_parts)
            images, *rest = (one[rows] for one in batch)
            with self.processes.unsent(self.stepped, hold=number < num_parts - 1):
                loss = self._risk_of(images, *(one.to(self.processes.device, non_blocking=True) for one in rest))
                share = len(images) / size
                self.processes.backward(loss * (share * self.processes.count))
            total += loss.item() * share
        return total

    def _risk_of(self, images: Tensor, targets: Tensor, cells: Tensor) -> Tensor:
        mine = images[self.processes.share(len(images))]
        mine = mine.to(self.processes.device, non_blocking=True, memory_format=self.layout)
        with self.processes.autocast():
            logits = self.stepped(mine)
        logits = self.processes.whole(logits.float(), len(images))
        loss, self.cell_weights = self.risk(self.task, logits, targets, cells, self.cell_weights)
        return loss

    def kept(self) -> Classifier:
        """The network that would be kept if training ended now."""
        return cast(Classifier, self.network if self.average is None else self.average.module)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that decides how training goes on: tensors on the processor, and facts."""
        tensors = {
            **snapshots.of_module("network", self.network),
            **({} if self.average is None else snapshots.of_module("average", self.average)),
            **snapshots.of_optimiser("optimiser", self.optimiser),
            **snapshots.of_random_states("random", self.processes),
            "cell_weights": self.cell_weights.cpu(),
            "began": self.feed.began,
            "losses": torch.tensor(self.losses, dtype=torch.float64),
        }
        facts = {
            "step": self.step,
            "taken": self.feed.taken,
            "halvings": self.halvings,
            "schedule": self.schedule.state_dict(),
            "learning_rates": [group["lr"] for group in self.optimiser.param_groups],
        }
        return tensors, facts

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Brings back what `state` told."""
        snapshots.into_module("network", self.network, tensors)
        if self.average is not None:
            snapshots.into_module("average", self.average, tensors)
        snapshots.into_optimiser("optimiser", self.optimiser, tensors)
        snapshots.into_random_states("random", self.processes, tensors)
        self.cell_weights = tensors["cell_weights"].to(self.processes.device)
        self.feed.began = tensors["began"]
        self.losses = tensors["losses"].tolist()
        self.step, self.feed.taken, self.halvings = facts["step"], facts["taken"], facts["halvings"]
        self.schedule.load_state_dict(facts["schedule"])
        for group, rate in zip(self.optimiser.param_groups, facts["learning_rates"], strict=True):
            group["lr"] = rate
