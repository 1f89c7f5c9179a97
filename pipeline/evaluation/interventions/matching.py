"""The strength of a change at which a picture has the property of another one, found by bisection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from PIL import Image

from pipeline.core.evaluation_contracts import Intervention
from pipeline.images.properties import image_properties

NUM_HALVINGS = 8  # the strength is then known to within 1 / 256 of its range
LEVELS = 255.0


Change = Callable[[np.ndarray], np.ndarray]  # (N,) strengths to (N, H, W, C) uint8


class MatchingIntervention(Intervention, ABC):
    """An `Intervention` with a strength: 0 changes nothing, and the opposite strength is the opposite change.

    The strength is that at which the picture has the property of the other picture, as nearly as `max_strength` allows.
    The control has the same strength with the opposite sign: as large a change, away from the other class.
    """

    max_strength: float

    @abstractmethod
    def prepare(self, pictures: np.ndarray, name: str) -> Change:
        """The change of these (N, H, W, C) uint8 pictures, of which the property grows with the strength.

        What does not depend on the strength is computed once, since each search renders the pictures ten times.
        """

    def __call__(
        self, pictures: np.ndarray, own: np.ndarray, other: np.ndarray, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        change = self.prepare(pictures, name)
        strengths = self._match(change, measure_property(pictures, name), measure_property(other, name), name)
        return change(strengths), change(-strengths)

    def _match(self, change: Change, now: np.ndarray, wanted: np.ndarray, name: str) -> np.ndarray:
        """(N,) strengths; bisection, since the property is only known to grow with the strength."""
        low, high = np.where(wanted > now, 0.0, -self.max_strength), np.where(wanted > now, self.max_strength, 0.0)
        for _ in range(NUM_HALVINGS):
            middle = (low + high) / 2
            too_low = measure_property(change(middle), name) < wanted
            low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
        return (low + high) / 2


def round_levels(values: np.ndarray) -> np.ndarray:
    """uint8, cut off at black and white."""
    return np.asarray(np.clip(np.rint(values), 0, LEVELS).astype(np.uint8))


def change_distances(pictures: np.ndarray, center: np.ndarray) -> Change:
    """center + exp(strength) x (pixel - center); `center` is broadcast to (N, H, W, C)."""
    distances = pictures - center
    return lambda strengths: round_levels(center + np.exp(as_column(strengths)) * distances)


def as_column(strengths: np.ndarray) -> np.ndarray:
    """(N,) to (N, 1, 1, 1) float32, as precise as pixels of 8 bits need and twice as fast as 64."""
    return np.asarray(strengths, dtype=np.float32)[:, None, None, None]


def measure_property(pictures: np.ndarray, name: str) -> np.ndarray:
    """(N,) one property of `image_properties` of (N, H, W, C) uint8 pictures."""
    images = [Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one) for one in pictures]
    return np.array([image_properties(image, image.convert("L"))[name] for image in images], dtype=np.float64)
