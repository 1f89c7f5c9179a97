"""Pretraining: an encoder learns from pictures, before it is trained for their labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, final

import torch
from annotated_types import Ge
from torch import nn

from pipeline.core.contracts import Augmentation, CheckpointStore, Log
from pipeline.core.errors import UserError
from pipeline.core.objective_contracts import Pretext
from pipeline.core.ranges import Fraction, PositiveFloat, PositiveInt, Seed
from pipeline.training.checkpointing import Progress
from pipeline.training.collapse import refuse_collapsed
from pipeline.training.determinism import make_reproducible
from pipeline.training.loop import Loop
from pipeline.training.optimisation import Execution, Optimisation
from pipeline.training.precision import Precision
from pipeline.training.schedule import learning_rate_factor
from pipeline.training.training_display import Words, display
from pipeline.training.view_dataset import ViewDataset
from pipeline.training.view_geometry import SIDE, moves_pixels
from pipeline.training.views_check import refuse_alike_pictures, refuse_idle_views, refuse_unchanged_pictures

Watch = Callable[[nn.Module], dict[str, float]]


@final
class PretrainingWords(Words):
    """Of a pretraining; the features' nearest neighbours where some pictures have labels, else their effective rank."""

    def losses(self, row: dict[str, float]) -> str:
        return f"loss {row['loss']:.3f}"

    def figure(self, row: dict[str, float]) -> str:
        if "neighbour_accuracy" in row:
            return f"  nearest neighbours on val {100 * row['neighbour_accuracy']:.1f} %"
        return f"  effective rank {row['effective_rank']:.1f}" if "effective_rank" in row else ""


@final
@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """AdamW with linear warm-up and cosine decay over an objective; the weights after the last epoch are the result.

    Args:
        epochs: Passes over train and the pool, at least 1; epochs are added until there are `min_steps` steps.
        batch_size: Pictures of one step, over all processes, at least 2; contrastive objectives compare all of them. If
            there are fewer, or fewer of different photographs, as many as there are.
        learning_rate: The highest one, reached after warm-up.
        weight_decay: On weight matrices and kernels; none on biases and normalisation.
        warmup_fraction: Share of all steps over which the learning rate rises, 0 to 1.
        precision: `auto` (bf16 where the hardware has it), `fp32` or `bf16`.
        compile: Compile the network with torch.compile.
        deterministic: Only kernels that always give the same bits; false lets a GPU choose the fastest.
        checkpoint_seconds: About how long between two checkpoints within an epoch, at least 0; each epoch ends with
            one.
        min_steps: Least number of optimiser steps, at least 0.
        seed: Of the initial weights, the order of pictures and their views.
    """

    epochs: PositiveInt
    batch_size: Annotated[int, Ge(2)]
    learning_rate: PositiveFloat
    weight_decay: Annotated[float, Ge(0)]
    warmup_fraction: Fraction
    precision: Precision
    compile: bool
    deterministic: bool
    checkpoint_seconds: Annotated[float, Ge(0)]
    min_steps: Annotated[int, Ge(0)]
    seed: Seed

    def fit(
        self,
        encoder: nn.Module,
        samples: ViewDataset,
        shape: tuple[int, ...],
        watch: Watch,
        log: Log,
        checkpoints: CheckpointStore | None = None,
    ) -> list[dict[str, float]]:
        """Trains the encoder in place; returns a row of figures for each epoch.

        Args:
            encoder: An `Encoder`.
            samples: Of train and the pool.
            shape: (3, *spatial) of what the encoder takes.
            watch: Figures of the encoder after an epoch.
            log: Called with the number and figures of each epoch, also of those before a killed run resumed.
            checkpoints: From which a killed run resumes; None for none.

        Raises:
            UserError: The encoder has no weights, or its features have collapsed.
        """
        refuse_unfit(samples.pretext, dict(enumerate(samples.views)), encoder)
        if samples.pretext.num_views > 1 and samples.pretext.positives != "class":
            refuse_alike_pictures(samples)
        if samples.pretext.restores_views:
            refuse_unchanged_pictures(samples)
        fitted = replace(self, batch_size=min(self.batch_size, samples.max_batch_size))
        with make_reproducible(self.seed, self.deterministic):
            loop = fitted.loop(encoder, samples, shape)
            samples.refuse_one_class(fitted.batch_size, loop.num_epochs * loop.feed.num_batches)
            try:
                return self._run(loop, encoder, watch, log, checkpoints)
            except torch.OutOfMemoryError:
                raise UserError(
                    f"a batch of {fitted.batch_size} pictures does not fit into the GPU's memory at step "
                    f"{loop.step + 1}; lower pretrain.batch_size"
                ) from None

    def loop(self, encoder: nn.Module, samples: ViewDataset, shape: tuple[int, ...]) -> Loop:
        """The loop before its first step; torch's global generator samples the weights that the objective adds."""
        optimisation = Optimisation(
            batch_size=self.batch_size,
            accumulation=1,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            schedule=partial(learning_rate_factor, warmup_fraction=self.warmup_fraction),
            weight_decay=self.weight_decay,
            layer_decay=None,
            ema_decay=None,
            seed=self.seed,
            min_steps=self.min_steps,
            section="pretrain",
        )
        objective = samples.pretext.objective(encoder, shape)
        return Loop(objective, samples, optimisation, Execution(precision=self.precision, compile=self.compile))

    def _run(
        self, loop: Loop, encoder: nn.Module, watch: Watch, log: Log, checkpoints: CheckpointStore | None
    ) -> list[dict[str, float]]:
        progress = Progress(loop, checkpoints, self.checkpoint_seconds)
        progress.restore()
        for earlier in progress.history:
            log(int(earlier["epoch"]), earlier)

        def after_step(loss: float) -> None:
            shown.add_step(loss)
            progress.save_when_due()

        with display(loop, progress.history, PretrainingWords()) as shown:
            for epoch in range(len(progress.history) + 1, loop.num_epochs + 1):
                started, before = time.perf_counter(), loop.step
                row: dict[str, float] = {"epoch": epoch, "loss": loop.epoch(after_step)}
                images_per_second = (loop.step - before) * loop.feed.size / (time.perf_counter() - started)
                row |= loop.objective.epoch_figures()
                row |= {name: loop.processes.broadcast(value) for name, value in watch(encoder).items()}
                row["learning_rate"] = float(max(loop.schedule.get_last_lr()))
                progress.add_row(row)
                log(epoch, {**row, "images_per_second": images_per_second})
                shown.add_epoch(row, images_per_second)
                refuse_collapsed(progress.history, loop.num_epochs)
                progress.save()
        return progress.history


def refuse_unfit(
    pretext: Pretext, views: Mapping[Any, Augmentation], encoder: nn.Module, side: int | None = None
) -> None:
    """Refuses a pretraining that could teach nothing.

    Args:
        pretext: One that trains.
        views: By name.
        encoder: An `Encoder`.
        side: Of a picture in pixels, to try the views on a random one; None: they are not tried.

    Raises:
        UserError: The encoder has no weights, the views of a picture are all alike, or pictures are restored from views
            that move pixels.
    """
    if not any(one.requires_grad for one in encoder.parameters()):
        raise UserError(
            f"objective trains weights, and the encoder {type(encoder).__name__} has none; choose another encoder, or "
            "objective=none"
        )
    if pretext.restores_views:
        _refuse_unfit_to_restore(views, SIDE if side is None else side)
    if pretext.num_views > 1 and pretext.positives == "view":
        if not views:
            raise UserError(
                "views is empty, so all views of a picture are alike and there is nothing to learn; name some of "
                "conf/views/, such as views=[crop]"
            )
        if side is not None:
            refuse_idle_views(views, (3, *[side] * (getattr(encoder, "spatial_rank", None) or 2)))


def _refuse_unfit_to_restore(views: Mapping[Any, Augmentation], side: int) -> None:
    """Refuses views from which pictures cannot be restored: none, and any that shows things at other places."""
    fitting = "such as views=[erasing]"
    if not views:
        raise UserError(
            f"views is empty, so there is nothing to restore; name some of conf/views/ that move no pixels, {fitting}"
        )
    moving = [str(name) for name, view in views.items() if moves_pixels(view, side)]
    if moving:
        raise UserError(
            f"views move pixels ({', '.join(moving)}), and each pixel of a view is compared with the pixel of the "
            f"picture at the same place; name only views that move none, {fitting}"
        )
