"""Fine-tuning: encoder and head learn together, the best epoch on val is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, cast, final

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from pipeline.core.contracts import Log, Risk, Task, Trainer
from pipeline.core.errors import UserError
from pipeline.core.samples import Samples
from pipeline.core.scoring import average, count
from pipeline.trainers import precision
from pipeline.trainers.freezing import Freezing
from pipeline.trainers.network import VIEWS, Classifier, NetworkPredictor
from pipeline.trainers.parameters import parameter_groups


@final
@dataclass(frozen=True, kw_only=True)
class FineTune(Trainer):
    """AdamW with linear warm-up and cosine decay (Loshchilov and Hutter, arXiv:1711.05101 and arXiv:1608.03983).

    Args:
        epochs: Passes over train, at least 1.
        batch_size: Samples per step, at least 2 (batch normalisation).
        learning_rate: The highest, reached after warm-up.
        weight_decay: On weight matrices and kernels; none on biases and normalisation.
        warmup_fraction: Share of all steps over which the learning rate rises, 0 to 1.
        dropout: Before the head, 0 to below 1.
        ema_decay: Decay per step of the running average of the weights, which is then what is kept (Tarvainen and
            Valpola 2017, arXiv:1703.01780); null keeps the last weights of an epoch as they are.
        views: Turned copies over which scores are averaged at prediction: identity, horizontal_flip, vertical_flip,
            half_turn.
        precision: `auto` (bf16 where the hardware has it), `fp32` or `bf16`.
        seed: Of the head's first weights, the order of samples, augmentation and dropout.
        layer_decay: Factor of the learning rate from each layer to the one below it, above 0 to 1; null learns
            everywhere alike.
        frozen_epochs: First epochs in which the head learns alone, at least 0; `epochs` and more never unfreeze.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_fraction: float
    dropout: float
    ema_decay: float | None
    views: list[str]
    precision: Literal["auto", "fp32", "bf16"]
    seed: int
    layer_decay: float | None = None
    frozen_epochs: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, got {self.weight_decay}")
        if not 0 <= self.warmup_fraction <= 1:
            raise ValueError(f"warmup_fraction must be 0 to 1, got {self.warmup_fraction}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay must be null or between 0 and 1, got {self.ema_decay}")
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must be null or above 0 and at most 1, got {self.layer_decay}")
        if not self.frozen_epochs >= 0:
            raise ValueError(f"frozen_epochs must be at least 0, got {self.frozen_epochs}")
        unknown = [name for name in self.views if name not in VIEWS]
        if unknown or not self.views:
            raise ValueError(f"views must be some of {list(VIEWS)}, got {self.views}")
        if self.precision not in precision.PRECISIONS:
            raise ValueError(f"precision must be one of {list(precision.PRECISIONS)}, got {self.precision!r}")

    def fit(
        self, encoder: nn.Module, task: Task, risk: Risk, train: Samples, val: Samples, log: Log
    ) -> tuple[NetworkPredictor, list[dict[str, float]]]:
        if len(train) < 2 or len(val) < 1:
            raise UserError(
                f"training needs at least 2 samples in train and 1 in val, found {len(train)} and {len(val)}"
            )
        with _reproducible(self.seed):
            task = task.weighed(train.targets)
            run = _Run(self, encoder, task, risk, train)
            history, best, best_scores, best_loss = [], None, np.empty(0), math.inf
            with tqdm(total=self.epochs * run.num_images, desc="train", unit=" images", disable=None) as bar:
                for epoch in range(1, self.epochs + 1):
                    started = time.perf_counter()
                    row: dict[str, float] = {"epoch": epoch, "train_loss": run.epoch(epoch, bar)}
                    images_per_second = run.num_images / (time.perf_counter() - started)
                    predictor = NetworkPredictor(run.kept(), task, train.transform, self.views, self.precision)
                    scores = scored(predictor, val)
                    row |= figures(task, val.targets, scores)
                    row["learning_rate"] = float(max(run.schedule.get_last_lr()))
                    history.append(row)
                    log(epoch, {**row, "images_per_second": images_per_second})
                    if row["val_loss"] < best_loss:
                        best, best_scores, best_loss = deepcopy(run.kept()), scores, row["val_loss"]
        if best is None:
            raise UserError("val loss was never a finite number; lower train.learning_rate")
        tuned = task.tuned(val.targets, best_scores)
        return NetworkPredictor(best, tuned, train.transform, self.views, self.precision), history


class _Run:
    """The moving parts of one training."""

    def __init__(self, options: FineTune, encoder: nn.Module, task: Task, risk: Risk, train: Samples):
        self.options, self.task, self.risk, self.train = options, task, risk, train
        self.device = precision.device()
        self.precision = precision.resolve(options.precision, self.device)
        self.generator = torch.Generator().manual_seed(options.seed)
        num_cells = 1 if train.cells is None else int(train.cells.max()) + 1
        self.cell_weights = torch.full((num_cells,), 1 / num_cells, dtype=torch.float64).to(self.device)
        network = Classifier(encoder, train.targets.shape[1], options.dropout)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = None
        if options.ema_decay is not None:
            self.average = AveragedModel(
                self.network, multi_avg_fn=get_ema_multi_avg_fn(options.ema_decay), use_buffers=True
            )
        self.steps_per_epoch = max(1, len(train) // options.batch_size)
        self.num_images = self.steps_per_epoch * min(options.batch_size, len(train))
        self.optimiser = torch.optim.AdamW(
            parameter_groups(self.network, options.weight_decay, options.learning_rate, options.layer_decay)
        )
        factor = learning_rate_factor(options.epochs * self.steps_per_epoch, options.warmup_fraction)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, factor)
        self.freezing = Freezing(frozen_epochs=options.frozen_epochs)
        self.step = 0

    def epoch(self, number: int, bar: tqdm[Any]) -> float:
        """One pass over train; the mean loss."""
        self.network.train()
        self.freezing(self.network, number)
        losses = []
        for images, *rest in self.train.batches(self.options.batch_size, self.generator):
            with precision.autocast(self.precision, self.device):
                logits = self.network(images.to(self.device, non_blocking=True))
            targets, cells = (one.to(self.device, non_blocking=True) for one in rest)
            loss, self.cell_weights = self.risk(self.task, logits.float(), targets, cells, self.cell_weights)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.schedule.step()
            self.step += 1
            if self.average is not None:
                self.average.update_parameters(self.network)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise UserError(f"the loss became {losses[-1]} at step {self.step}; lower train.learning_rate")
            bar.update(len(images))
        return float(np.mean(losses))

    def kept(self) -> Classifier:
        """The weights that would be kept if training ended now."""
        return cast(Classifier, self.network if self.average is None else self.average.module)


def scored(predictor: NetworkPredictor, samples: Samples) -> np.ndarray:
    """(N, K) scores of the samples, in their order."""
    return np.concatenate([predictor.score(images) for images, *_ in samples.batches(batch_size=64)])


def figures(task: Task, targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Log loss, accuracy (all labels of a sample right) and macro F1 of one epoch, before `task` was tuned."""
    decided = task.decide(scores)
    counts = count(targets, decided, np.ones((1, len(targets))))
    return {
        "val_loss": task.log_loss(targets, scores),
        "val_accuracy": float((decided == (targets > 0)).all(axis=1).mean()),
        "val_f1_macro": float(average(counts.f1, counts.support, "macro")[0]),
    }


def learning_rate_factor(num_steps: int, warmup_fraction: float) -> Callable[[int], float]:
    """The factor at each step: a line up to 1, then half a cosine down towards 0."""
    warmup = warmup_fraction * num_steps

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, num_steps - warmup)))

    return factor


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Same seed, same machine, same weights; the caller's random state is left as it was."""
    before = torch.are_deterministic_algorithms_enabled()
    memory = cast(Any, torch.utils.deterministic)
    filled = memory.fill_uninitialized_memory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        memory.fill_uninitialized_memory = False  # a debugging aid that costs a tenth of the speed
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            memory.fill_uninitialized_memory = filled
