"""Scores of samples, by one process or by several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.core.batches import ImageDataset
from pipeline.training.distributed import ProcessGroup
from pipeline.training.trainers.network import NetworkPredictor

BATCH = 64


def score(predictor: NetworkPredictor, samples: ImageDataset) -> np.ndarray:
    """(N, K) scores of the samples, in their order."""
    return np.concatenate([predictor.score(images) for images, *_ in samples.batches(batch_size=BATCH)])


def score_together(predictor: NetworkPredictor, samples: ImageDataset, processes: ProcessGroup) -> np.ndarray:
    """(N, K) scores of the samples, each scored by exactly one of the processes."""
    if processes.count == 1:
        return score(predictor, samples)
    own = processes.share(len(samples))
    if own.start < own.stop:
        part = replace(samples, rows=samples.rows[own], targets=samples.targets[own], subgroups=None, metadata=None)
        scores = score(predictor, part)
    else:
        scores = np.zeros((0, samples.targets.shape[1]), dtype=np.float32)
    result: np.ndarray = processes.all_gather(torch.from_numpy(scores).to(processes.device), len(samples)).cpu().numpy()
    return result
