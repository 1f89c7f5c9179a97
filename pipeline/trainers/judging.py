"""What an epoch is judged by on val."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.core.contracts import Task
from pipeline.core.samples import Samples
from pipeline.core.scoring import average, count
from pipeline.trainers.network import NetworkPredictor
from pipeline.trainers.processes import Processes

BATCH = 64


def scored(predictor: NetworkPredictor, samples: Samples) -> np.ndarray:
    """(N, K) scores of the samples, in their order."""
    return np.concatenate([predictor.score(images) for images, *_ in samples.batches(batch_size=BATCH)])


def scored_together(predictor: NetworkPredictor, samples: Samples, processes: Processes) -> np.ndarray:
    """The same, each process scoring its share: no sample twice, none left out."""
    if processes.count == 1:
        return scored(predictor, samples)
    mine = processes.share(len(samples))
    if mine.start < mine.stop:
        part = replace(samples, rows=samples.rows[mine], targets=samples.targets[mine], cells=None)
        scores = scored(predictor, part)
    else:
        scores = np.zeros((0, samples.targets.shape[1]), dtype=np.float32)
    result: np.ndarray = processes.whole(torch.from_numpy(scores).to(processes.device), len(samples)).cpu().numpy()
    return result


def figures(task: Task, targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Log loss, accuracy (all labels of a sample right) and macro F1 of one epoch, before `task` was tuned."""
    decided = task.decide(scores)
    counts = count(targets, decided, np.ones((1, len(targets))))
    return {
        "val_loss": task.log_loss(targets, scores),
        "val_accuracy": float((decided == (targets > 0)).all(axis=1).mean()),
        "val_f1_macro": float(average(counts.f1, counts.support, "macro")[0]),
    }
