"""The training loop: its steps, and its state as tensors and facts from which it can be resumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pipeline.core.batches import TrainingSamples
from pipeline.core.errors import UserError
from pipeline.core.objective_contracts import Objective
from pipeline.core.parallel import num_workers
from pipeline.models.memory_layout import MemoryLayout
from pipeline.training import state_dicts
from pipeline.training.batch_loader import Batch, BatchLoader
from pipeline.training.compilation import compile_network
from pipeline.training.distributed import ProcessGroup
from pipeline.training.freezing import Freezing
from pipeline.training.optimisation import Execution, Optimisation
from pipeline.training.parameter_groups import parameter_groups
from pipeline.training.schedule import num_epochs
from pipeline.training.weight_averaging import warmed_up_average

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

MAX_THREADS = 8  # that make batches for a GPU; one batch more than threads is in pinned memory


@final
class Loop:
    """The state of one training: network, optimiser, batches and the number of steps taken.

    A step takes `batch_size` x `accumulation` samples in `accumulation` parts, and every process computes its share of
    each part; the loss is always that of the whole part.

    Args:
        objective: The network with its initial weights, and its loss.
        train: Samples.
        optimisation: Options of the optimiser.
        execution: Precision and compilation.
        freezing: In which epochs the encoder is not trained; None for none.
        halvings: How often parts were halved because they did not fit into memory.
    """

    def __init__(
        self,
        objective: Objective,
        train: TrainingSamples,
        optimisation: Optimisation,
        execution: Execution,
        freezing: Freezing | None = None,
        halvings: int = 0,
    ):
        self.optimisation, self.freezing, self.halvings = optimisation, freezing, halvings
        self.processes = ProcessGroup(execution.precision)
        if freezing is not None and self.processes.count > 1:  # they would wait for gradients that never come
            raise UserError("train.frozen_epochs works with one process only; set it to 0, or launch one process")
        step_size = optimisation.batch_size * optimisation.accumulation
        threads = min(num_workers(), MAX_THREADS) if self.processes.device.type == "cuda" else 0
        self.feed = BatchLoader(train, step_size, optimisation.seed, threads)
        self.objective = cast(Any, objective).to(self.processes.device)
        self.network = self.objective.network = self.processes.network(objective.network)
        self.layout = MemoryLayout.fastest(self.network)
        self.average = None
        if optimisation.ema_decay is not None:
            average = warmed_up_average(optimisation.ema_decay)
            self.average = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            parameter_groups(
                self.network, optimisation.weight_decay, optimisation.learning_rate, optimisation.layer_decay
            )
        )
        self.num_epochs = num_epochs(optimisation.epochs, optimisation.min_steps, self.feed.num_batches)
        factor = optimisation.schedule(self.num_epochs * self.feed.num_batches)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, factor)
        compiled = compile_network(self.network, optimisation.section) if execution.compile else self.network
        self.parallel_network = self.processes.parallel(compiled)
        if self.processes.number:  # each process samples its own dropout masks
            torch.manual_seed(optimisation.seed + self.processes.number)
        self.step, self.losses = 0, cast(list[float], [])

    def epoch(self, after_step: Callable[[float], None]) -> float:
        """Takes the steps that are left of one pass over train; returns the mean loss of the whole pass.

        Args:
            after_step: Called after each step with its loss.
        """
        for loss in self.steps():
            if not math.isfinite(loss):
                epoch = (self.step - 1) // self.feed.num_batches + 1
                raise UserError(
                    f"the loss became {loss} at step {self.step}, in epoch {epoch}; "
                    f"lower {self.optimisation.section}.learning_rate"
                )
            self.losses.append(loss)
            after_step(loss)
        mean, self.losses = float(np.mean(self.losses)), []
        self.processes.same_buffers(self.network, *([] if self.average is None else [self.average]))
        return mean

    def steps(self) -> Iterator[float]:
        """Takes the steps that are left of one pass over train, lazily; yields the loss before each step."""
        self.network.train()
        if self.freezing is not None:
            self.freezing(self.network, self.step // self.feed.num_batches + 1)
        for batch in self.feed:
            loss = self._take_step(batch)
            self.step += 1
            yield loss

    def _take_step(self, batch: Batch) -> float:
        """Takes one optimiser step; returns the loss before it."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.gradients(batch, self.optimisation.accumulation * 2**self.halvings)
        self.optimiser.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.objective.after_step()
        return loss

    def gradients(self, batch: Batch, num_parts: int) -> float:
        """Adds the gradient of the mean loss of the batch to the parameters; returns that mean.

        Args:
            batch: Rows of what the network takes, and of what the objective takes.
            num_parts: Number of parts computed one after the other, to save memory.
        """
        size, total = len(batch[0]), 0.0
        for number in range(num_parts):
            rows = slice(size * number // num_parts, size * (number + 1) // num_parts)
            images, *rest = (one[rows] for one in batch)
            with self.processes.no_sync(self.parallel_network, hold=number < num_parts - 1):
                loss = self._loss_of(images, *(one.to(self.processes.device, non_blocking=True) for one in rest))
                share = len(images) / size
                self.processes.backward(loss * (share * self.processes.count))
            total += loss.item() * share
        return total

    def _loss_of(self, images: Tensor, *facts: Tensor) -> Tensor:
        own = images[self.processes.share(len(images))]
        own = own.to(self.processes.device, non_blocking=True, memory_format=self.layout.format(own))
        with self.processes.autocast():
            outputs = self.parallel_network(own)
        outputs = self.processes.all_gather(outputs.float(), len(images))
        return cast(Tensor, self.objective.loss(outputs, *facts))

    def current_network(self) -> nn.Module:
        """The network of the predictor if training ended now: the average of the weights, where there is one."""
        return self.network if self.average is None else self.average.module

    def state(self) -> tuple[dict[str, Tensor], JsonObject]:
        """Everything that the next steps depend on: tensors on the processor, and facts as JSON holds them."""
        tensors = {
            **state_dicts.of_module("objective", self.objective),
            **({} if self.average is None else state_dicts.of_module("average", self.average)),
            **state_dicts.of_optimiser("optimiser", self.optimiser),
            **state_dicts.of_random_states("random", self.processes),
            "epoch_start_state": self.feed.epoch_start_state,
            "losses": torch.tensor(self.losses, dtype=torch.float64),
        }
        facts = {
            "step": self.step,
            "num_batches_done": self.feed.num_batches_done,
            "halvings": self.halvings,
            "schedule": self.schedule.state_dict(),
            "learning_rates": [group["lr"] for group in self.optimiser.param_groups],
        }
        return tensors, facts

    def restore(self, tensors: dict[str, Tensor], facts: JsonObject) -> None:
        """Sets everything that `state` returned."""
        state_dicts.into_module("objective", self.objective, tensors)
        if self.average is not None:
            state_dicts.into_module("average", self.average, tensors)
        state_dicts.into_optimiser("optimiser", self.optimiser, tensors)
        state_dicts.into_random_states("random", self.processes, tensors)
        self.feed.epoch_start_state = tensors["epoch_start_state"]
        self.losses = tensors["losses"].tolist()
        self.step, self.halvings = facts["step"], facts["halvings"]
        self.feed.num_batches_done = facts["num_batches_done"]
        self.schedule.load_state_dict(facts["schedule"])
        for group, rate in zip(self.optimiser.param_groups, facts["learning_rates"], strict=True):
            group["lr"] = rate
