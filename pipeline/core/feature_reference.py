"""The features of train, as far as a policy needs them to say how far a picture is from train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pipeline.core import artifacts, config
from pipeline.core.contracts import Predictor
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import FeatureDistance, FeaturePredictor

if TYPE_CHECKING:
    from pipeline.core.open_types import Params
    from pipeline.core.policy import Policy

BLOCK = 1024  # pictures whose features are in memory at once
MAX_REASON = 200  # characters


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureReference:
    """A distance, and what it was fitted to.

    Attributes:
        distance: How far features are from train.
        fitted: By name; of `FeatureDistance.fit`.
    """

    distance: FeatureDistance
    fitted: dict[str, np.ndarray]

    def measure(self, features: np.ndarray) -> np.ndarray:
        """(N, D) float32 features to (N,) float32 distances, at least 0."""
        import torch

        tensors = {name: torch.from_numpy(one) for name, one in self.fitted.items()}
        with torch.inference_mode():
            return np.asarray(self.distance.measure(torch.from_numpy(features), tensors).numpy())

    @property
    def digest(self) -> str:
        """32 hex digits over names, shapes and numbers."""
        parts = [(name.encode(), str(one.shape).encode(), one.tobytes()) for name, one in sorted(self.fitted.items())]
        return artifacts.content_digest(*(part for entry in parts for part in entry))


def write_tensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Writes arrays by name as safetensors; no arrays are a file too."""
    from safetensors.numpy import save_file

    with artifacts.atomic_write(path) as temporary:
        save_file({name: np.ascontiguousarray(one) for name, one in tensors.items()}, temporary)


def read_reference(policy: Policy, path: Path) -> FeatureReference | None:
    """What the policy measures the distance to; None for a policy without one.

    Args:
        policy: Fitted with it.
        path: Of the file that `write_tensors` wrote.

    Raises:
        UserError: The file is missing, corrupt, or of another policy.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    flag = policy.out_of_distribution
    if flag is None:
        return None
    try:
        fitted = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:MAX_REASON]
        raise UserError(f"{path} cannot be read ({reason}); run dvc repro calibrate") from None
    reference = FeatureReference(distance=build_distance(flag.distance, "card.feature_distance"), fitted=fitted)
    if reference.digest != flag.reference:
        raise UserError(f"{path} is of another policy than the one that is read; run dvc repro calibrate")
    return reference


def build_distance(node: Params, where: str) -> FeatureDistance:
    """The distance of a node of params.yaml or of a policy."""
    result: FeatureDistance = config.build(node, where, "feature_distance")
    return result


def predict_with_distances(
    predictor: Predictor, images: np.ndarray, reference: FeatureReference | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """(N, K) scores and the (N,) distances of the pictures; None without a reference.

    Args:
        predictor: With metadata, where it needs them.
        images: (N, *spatial, C) uint8.
        reference: Fitted to the features of this predictor.

    Raises:
        UserError: The predictor has no features, or of another length than those of the reference.
    """
    if reference is None:
        return predictor.predict(images), None
    if not isinstance(predictor, FeaturePredictor):
        raise UserError(f"{type(predictor).__name__} has no features to measure; run dvc repro calibrate")
    scores: list[Any] = [predictor.predict(images[:0])]
    distances = [np.zeros(0, dtype=np.float32)]
    for start in range(0, len(images), BLOCK):
        of_block, features = predictor.predict_with_features(images[start : start + BLOCK])
        scores.append(of_block)
        try:
            distances.append(reference.measure(features))
        except (RuntimeError, KeyError, IndexError) as error:  # arrays of other shapes or names
            reason = " ".join(str(error).split())[:MAX_REASON]
            raise UserError(f"the policy was fitted to other features ({reason}); run dvc repro calibrate") from None
    return np.concatenate(scores), np.concatenate(distances)
