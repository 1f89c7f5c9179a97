"""Scores on val, by one process or by several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.core.batches import Samples
from pipeline.training.distributed import Processes
from pipeline.training.trainers.network import NetworkPredictor

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
        part = replace(samples, rows=samples.rows[mine], targets=samples.targets[mine], cells=None, told=None)
        scores = scored(predictor, part)
    else:
        scores = np.zeros((0, samples.targets.shape[1]), dtype=np.float32)
    result: np.ndarray = processes.whole(torch.from_numpy(scores).to(processes.device), len(samples)).cpu().numpy()
    return result
