"""Fine-tuning: encoder and head are trained together, and the epoch with the lowest loss on val is the result."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, cast, final

import torch
from annotated_types import Ge, Interval, MinLen
from torch import nn

from pipeline.core.batches import ImageDataset
from pipeline.core.contracts import CheckpointStore, Log, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.ranges import Fraction, PositiveFloat, PositiveInt, Seed
from pipeline.core.terminal import say
from pipeline.training import out_of_memory, state_dicts
from pipeline.training.checkpointing import Progress
from pipeline.training.determinism import make_reproducible
from pipeline.training.freezing import Freezing
from pipeline.training.inference import score_together
from pipeline.training.loop import Loop
from pipeline.training.optimisation import Execution, Optimisation
from pipeline.training.precision import Precision
from pipeline.training.schedule import learning_rate_factor
from pipeline.training.supervised import Supervised
from pipeline.training.trainers.network import Classifier, NetworkPredictor, View
from pipeline.training.training_display import SupervisedWords, display
from pipeline.training.validation_metrics import validation_figures

SHARED = (  # options that the loop takes
    *("batch_size", "accumulation", "epochs", "min_steps"),
    *("learning_rate", "weight_decay", "layer_decay", "ema_decay", "seed"),
)


@final
@dataclass(frozen=True, kw_only=True)
class FineTune(Trainer):
    """AdamW with linear warm-up and cosine decay (Loshchilov and Hutter, arXiv:1711.05101 and arXiv:1608.03983).

    Args:
        epochs: Passes over train, at least 1; epochs are added until there are `min_steps` steps.
        batch_size: Samples of one forward and backward pass, over all processes; at least 2 (batch normalisation). If
            train holds fewer, as many as it holds.
        accumulation: Batches per optimiser step, at least 1; the step takes the mean over all of them.
        learning_rate: The highest one, reached after warm-up.
        weight_decay: On weight matrices and kernels; none on biases and normalisation.
        warmup_fraction: Share of all steps over which the learning rate rises, 0 to 1.
        dropout: Before the head, 0 to below 1.
        ema_decay: Decay per step of the running average of the weights, which is then the trained network (Tarvainen
            and Valpola 2017, arXiv:1703.01780). It is lower in the first steps, so that the initial weights soon fade.
            Null takes the weights at the end of an epoch.
        views: Test-time augmentation: prediction averages the scores of these copies; identity, horizontal_flip,
            vertical_flip, half_turn.
        precision: `auto` (bf16 where the hardware has it), `fp32` or `bf16`.
        compile: Compile the network with torch.compile; it needs a C++ compiler at run time, and about a minute before
            the first step.
        deterministic: Only kernels that always give the same bits; false lets a GPU choose the fastest.
        halve_batch: If a batch does not fit into the GPU's memory, start again with batches of half the size, twice as
            many per step; else training stops and names the largest batch that fits.
        checkpoint_seconds: About how long between two checkpoints within an epoch, at least 0; each epoch ends with
            one.
        seed: Of the head's initial weights, the order of samples, augmentation and dropout.
        layer_decay: Factor of the learning rate from each layer to the one below it, above 0 to 1; null is one rate for
            all layers.
        frozen_epochs: First epochs in which only the head is trained, at least 0. The encoder is never trained if all
            epochs are frozen, including those that `min_steps` adds.
        min_steps: Least number of optimiser steps, at least 0. With few samples an epoch has few steps, and the weights
            of the head hardly change; so epochs are added until there are as many steps.
    """

    epochs: PositiveInt
    batch_size: Annotated[int, Ge(2)]
    accumulation: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: Annotated[float, Ge(0)]
    warmup_fraction: Fraction
    dropout: Annotated[float, Interval(ge=0, lt=1)]
    ema_decay: Annotated[float, Interval(gt=0, lt=1)] | None
    views: Annotated[list[View], MinLen(1)]
    precision: Precision
    compile: bool
    deterministic: bool
    halve_batch: bool
    checkpoint_seconds: Annotated[float, Ge(0)]
    seed: Seed
    layer_decay: Annotated[float, Interval(gt=0, le=1)] | None = None
    frozen_epochs: Annotated[int, Ge(0)] = 0
    min_steps: Annotated[int, Ge(0)] = 0

    def fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: ImageDataset,
        val: ImageDataset,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> tuple[NetworkPredictor, list[dict[str, float]]]:
        return self._fit_to_sizes(len(train), len(val))._fit(encoder, task, risk, train, val, log, checkpoints)

    def _fit_to_sizes(self, num_train: int, num_val: int) -> FineTune:
        """The same options, with a batch size that train can fill.

        Raises:
            UserError: There are too few samples.
        """
        least = 2 * self.accumulation
        if num_train < least or num_val < 1:
            raise UserError(
                f"training needs at least {least} samples in train and 1 in val, found {num_train} and {num_val}"
            )
        return replace(self, batch_size=min(self.batch_size, num_train // self.accumulation))

    def _fit(
        self,
        encoder: nn.Module,
        task: Task,
        risk: Risk,
        train: ImageDataset,
        val: ImageDataset,
        log: Log,
        checkpoints: CheckpointStore | None,
    ) -> tuple[NetworkPredictor, list[dict[str, float]]]:
        halvings = 0
        while True:
            start = (
                deepcopy(encoder) if self.halve_batch else encoder
            )  # untrained, for another try with smaller batches
            with make_reproducible(self.seed, self.deterministic):
                loop = self.loop(start, task, risk, train, halvings)
                try:
                    return self._run(loop, train, val, log, checkpoints)
                except torch.OutOfMemoryError:
                    halvings = self._next_halvings(loop)
            if checkpoints is not None:
                checkpoints.clear()
            del loop, start
            out_of_memory.free_memory()

    def loop(self, encoder: nn.Module, task: Task, risk: Risk, train: ImageDataset, halvings: int = 0) -> Loop:
        """The loop before its first step; torch's global generator samples the initial weights of the head."""
        optimisation = Optimisation(
            **{name: getattr(self, name) for name in SHARED},
            schedule=partial(learning_rate_factor, warmup_fraction=self.warmup_fraction),
        )
        network = Classifier(encoder, train.targets.shape[1], self.dropout)
        objective = Supervised(network, task.fit_class_weights(train.targets), risk, train.num_subgroups)
        freezing = Freezing(frozen_epochs=self.frozen_epochs) if self.frozen_epochs else None
        execution = Execution(precision=self.precision, compile=self.compile)
        return Loop(objective, train, optimisation, execution, freezing, halvings)

    def _next_halvings(self, loop: Loop) -> int:
        """How often parts are halved at the next try."""
        if not self.halve_batch or self.batch_size // 2 ** (loop.halvings + 1) < out_of_memory.smallest_part(loop):
            raise out_of_memory.refusal(loop) from None
        return loop.halvings + 1

    def _run(
        self, loop: Loop, train: ImageDataset, val: ImageDataset, log: Log, checkpoints: CheckpointStore | None
    ) -> tuple[NetworkPredictor, list[dict[str, float]]]:
        task: Task = loop.objective.task
        progress = Progress(loop, checkpoints, self.checkpoint_seconds)
        progress.restore()
        for earlier in progress.history:
            log(int(earlier["epoch"]), earlier)
        self._report_extra_epochs(loop)

        def after_step(loss: float) -> None:
            shown.add_step(loss)
            progress.save_when_due()

        with display(loop, progress.history, SupervisedWords(task.exclusive)) as shown:
            for epoch in range(len(progress.history) + 1, loop.num_epochs + 1):
                started, before = time.perf_counter(), loop.step
                row: dict[str, float] = {"epoch": epoch, "train_loss": loop.epoch(after_step)}
                images_per_second = (loop.step - before) * loop.feed.size / (time.perf_counter() - started)
                predictor = NetworkPredictor(
                    cast(Classifier, loop.current_network()), task, train.transform, self.views, self.precision
                )
                scores = score_together(predictor, val, loop.processes)
                row |= validation_figures(task, val.targets, scores)
                row["learning_rate"] = float(max(loop.schedule.get_last_lr()))
                progress.add(row, scores)
                log(epoch, {**row, "images_per_second": images_per_second})
                shown.add_epoch(row, images_per_second)
                progress.save()
        if not progress.best:
            raise UserError("val loss was never a finite number; lower train.learning_rate")
        state_dicts.into_module("best", loop.current_network(), progress.best)
        tuned = task.fit_thresholds(val.targets, progress.best_scores)
        predictor = NetworkPredictor(
            cast(Classifier, loop.current_network()), tuned, train.transform, self.views, self.precision
        )
        return predictor, progress.history

    def _report_extra_epochs(self, loop: Loop) -> None:
        if loop.num_epochs > self.epochs and loop.processes.is_first:
            say(
                f"train: {loop.num_epochs} epochs instead of {self.epochs}, for at least {self.min_steps} steps "
                f"(steps per epoch: {loop.feed.num_batches}); set train.min_steps=0 to keep to {self.epochs}"
            )
