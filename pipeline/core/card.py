"""The folder `data/predictor/`: weights and the card that says what they are and how to load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core import config, files
from pipeline.core.contracts import Predictor
from pipeline.core.errors import UserError

CARD = "card.json"


def load_predictor(folder: Path) -> tuple[Predictor, dict[str, Any]]:
    """The predictor and its card.

    Raises:
        UserError: The folder is missing, or its card and weights do not fit.
    """
    card: dict[str, Any] = files.read_json(folder / CARD)
    try:
        kind = config.locate(card["predictor"], "card.predictor")
        return kind.load(folder, card), card
    except KeyError as missing:
        raise UserError(f"{folder / CARD} has no {missing}; run dvc repro train") from None
