"""Attribution maps of predictions, as pictures: which places speak for the decided class, and which against it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import artifacts, config
from pipeline.core.axes import to_tensor
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Attribution, Explainable

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.contracts import Transform
    from pipeline.prediction.classifier import PictureClassifier

MAX_STEM = 80  # characters of the name of a picture in that of its map
UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class PictureExplainer:
    """Writes a map for each picture that was read.

    Args:
        classifier: Whose decisions are explained.
        attribution: The method.
        folder: Of the maps.
    """

    classifier: PictureClassifier
    attribution: Attribution
    folder: Path

    def __post_init__(self) -> None:
        if not isinstance(self.classifier.predictor, Explainable):
            raise UserError("this model has no attribution maps, since it reads properties; leave --explain out")
        if not self.attribution.explains:
            raise UserError("attribution=none makes no maps; choose one, colibri run attribution=occlusion")

    def write(self, first: int, table: pd.DataFrame, pictures: Sequence[np.ndarray]) -> None:
        """Writes the maps of the rows that have a decision, each under a temporary name first.

        Args:
            first: Number of the first row among all, from 0.
            table: Rows as `predict_contents` gives them.
            pictures: (*spatial, C) uint8 of those that were read, in the order of the rows; of a clip or volume the
                frame or slice with the largest value of the map is shown.

        Raises:
            UserError: The method does not fit the model, or the folder cannot be written.
        """
        from pipeline.evaluation.explanations import cut_middle, find_strongest_frame
        from pipeline.report.explanations import overlay
        from pipeline.report.pictures import encode_png, to_image

        if not len(pictures):
            return
        scores = table.filter(regex="^score_").to_numpy()
        read = np.flatnonzero(~np.isnan(scores).any(axis=1))
        maps = self._make_maps(np.stack(pictures), scores[read].argmax(axis=1))
        for row, picture, found in zip(read, pictures, maps, strict=True):
            frame = find_strongest_frame(found)
            shown, of_shown = (picture, found) if frame is None else (picture[frame], found[frame])
            seen = cut_middle(shown, *of_shown.shape)
            path = self.folder / map_name(first + int(row), str(table["file"].iloc[row]))
            try:
                with artifacts.atomic_write(path) as temporary:
                    temporary.write_bytes(encode_png(to_image(overlay(seen, of_shown))))
            except OSError as error:
                why = error.strerror or error
                raise UserError(f"{str(path)!r} cannot be written: {why}; choose another --explain") from None

    def _make_maps(self, pictures: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """(N, *spatial) float32, each scaled so that its largest absolute value is 1."""
        from pipeline.evaluation.explanations import contrast, explain_batches, scale_maps

        predictor = self.classifier.predictor
        assert isinstance(predictor, Explainable)  # as `__post_init__` found
        transform: Transform = config.build(self.classifier.card["transform"], "card.transform")
        module = predictor.to_module()
        inputs = transform(to_tensor(pictures))
        device = next((one.device for one in module.parameters()), inputs.device)
        model = contrast(module, self.classifier.exclusive)
        return scale_maps(explain_batches(self.attribution, model, inputs.to(device), classes, lambda number: None))


def map_name(row: int, file: str) -> str:
    """The name of the map of a row of the table: its number from 1, and what is safe of the name of its picture."""
    stem = UNSAFE.sub("-", Path(file).stem).strip("-")[:MAX_STEM]
    return f"{row + 1:07}-{stem}.png" if stem else f"{row + 1:07}.png"
