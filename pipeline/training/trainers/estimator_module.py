"""A frozen encoder and an estimator as one module of torch, without gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.training.trainers.estimator_scores import EstimatorScores


class EstimatorModule(nn.Module):
    """(B, 3, *spatial) pictures after the transform to (B, K) logits.

    Args:
        encoder: Frozen, in evaluation mode.
        answers: Of the fitted estimator.
        exclusive: Whether each sample has exactly one label.
    """

    def __init__(self, encoder: nn.Module, answers: EstimatorScores, exclusive: bool):
        super().__init__()
        self.encoder, self.answers, self.exclusive = encoder, answers, exclusive

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.encoder(x).float().cpu().numpy()
        logits = self.answers.logits(features, self.exclusive) * self.answers.slopes + self.answers.offsets
        return torch.from_numpy(logits).float().to(x.device)
