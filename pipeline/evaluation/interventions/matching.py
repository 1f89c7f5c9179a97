"""The strength of a change at which a picture has the property of another one, found by bisection."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from PIL import Image

from pipeline.core.evaluation_contracts import Intervention
from pipeline.images.properties import image_properties

NUM_HALVINGS = 8  # the strength is then known to within 1 / 256 of its range
LEVELS = 255.0


class MatchingIntervention(Intervention, ABC):
    """An `Intervention` with a strength: 0 changes nothing, and the opposite strength is the opposite change.

    The strength is that at which the picture has the property of the other picture, as nearly as `max_strength` allows.
    The control has the same strength with the opposite sign: as large a change, away from the other class.
    """

    max_strength: float

    @abstractmethod
    def change(self, pictures: np.ndarray, strengths: np.ndarray, name: str) -> np.ndarray:
        """(N, H, W, C) float in 0 to 255, of pictures of that kind and (N,) strengths; the property grows with them."""

    def __call__(
        self, pictures: np.ndarray, own: np.ndarray, other: np.ndarray, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        strengths = self._match(pictures, measure_property(other, name), name)
        return self._render(pictures, strengths, name), self._render(pictures, -strengths, name)

    def _match(self, pictures: np.ndarray, wanted: np.ndarray, name: str) -> np.ndarray:
        """(N,) strengths; bisection, since the property is only known to grow with the strength."""
        grows = wanted > measure_property(pictures, name)
        low = np.where(grows, 0.0, -self.max_strength)
        high = np.where(grows, self.max_strength, 0.0)
        for _ in range(NUM_HALVINGS):
            middle = (low + high) / 2
            too_low = measure_property(self._render(pictures, middle, name), name) < wanted
            low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
        return (low + high) / 2

    def _render(self, pictures: np.ndarray, strengths: np.ndarray, name: str) -> np.ndarray:
        changed = self.change(pictures.astype(np.float64), strengths[:, None, None, None], name)
        return np.clip(np.rint(changed), 0, LEVELS).astype(np.uint8)


def measure_property(pictures: np.ndarray, name: str) -> np.ndarray:
    """(N,) one property of `image_properties` of (N, H, W, C) uint8 pictures."""
    images = [Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one) for one in pictures]
    return np.array([image_properties(image, image.convert("L"))[name] for image in images], dtype=np.float64)
