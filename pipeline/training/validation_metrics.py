"""The figures of a predictor on val at each epoch, the same for all trainers."""

from __future__ import annotations

import numpy as np

from pipeline.core.contracts import Task
from pipeline.statistics.classification import average, confusion_counts


def validation_figures(task: Task, targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Log loss, accuracy (all labels of a sample right) and macro F1 of one epoch, before thresholds are fitted."""
    decided = task.decide(scores)
    counts = confusion_counts(targets, decided, np.ones((1, len(targets))))
    return {
        "val_loss": task.log_loss(targets, scores),
        "val_accuracy": float((decided == (targets > 0)).all(axis=1).mean()),
        "val_f1_macro": float(average(counts.f1)[0]),
    }
