"""A trained model that takes encoded pictures: decoding, resizing and decisions are those of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.contracts import Predictor
from pipeline.core.labels import to_lists
from pipeline.images.decoding import Decoding, decode
from pipeline.images.storage import SquareFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.core.open_types import JsonObject


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class PictureClassifier:
    """The predictor of a folder such as `data/predictor/`, with its card.

    Attributes:
        predictor: Of stored pictures.
        card: As `docs/artifacts.md` describes it.
    """

    predictor: Predictor
    card: JsonObject

    @classmethod
    def load(cls, folder: Path) -> PictureClassifier:
        """The classifier of a folder with a card and weights.

        Raises:
            UserError: The folder is missing, or its card and weights do not fit.
        """
        from pipeline.training.model_card import load_predictor

        predictor, card = load_predictor(folder)
        return cls(predictor=predictor, card=card)

    @property
    def classes(self) -> list[str]:
        """The K names, in the order of the scores."""
        return list(self.card["classes"])

    @property
    def exclusive(self) -> bool:
        """Whether each picture gets exactly one class."""
        return bool(self.predictor.task.exclusive)

    @property
    def storage(self) -> SquareFormat:
        """The form of the pictures that the predictor takes."""
        return SquareFormat.of_card(self.card["packing"])

    @property
    def read(self) -> Callable[[bytes], np.ndarray]:
        """From an encoded picture to `storage`; picklable, raises `ItemRejected` for what cannot be read."""
        return partial(read_picture, Decoding.of_card(self.card["packing"]), self.storage)

    def classify(self, pictures: Sequence[np.ndarray]) -> tuple[list[list[str]], np.ndarray]:
        """The decided labels of N pictures, as `read` returns them, and their (N, K) scores in [0, 1].

        Raises:
            UserError: The model does not look at pictures (`train=property_forest`).
        """
        stacked = np.stack(pictures) if len(pictures) else np.zeros((0, *self.storage.shape), dtype=np.uint8)
        scores = self.predictor.predict(stacked)
        return to_lists(self.predictor.task.decide(scores), self.classes), scores


def read_picture(decoding: Decoding, storage: SquareFormat, data: bytes) -> np.ndarray:
    """(size, size, C) uint8 of an encoded picture.

    Raises:
        ItemRejected: It cannot be decoded.
    """
    return storage.convert(decode(data, decoding))
