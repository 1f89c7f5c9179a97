"""The folder `data/predictor/`: weights, and the card that describes them and how to load them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core import artifacts, nouns
from pipeline.core.contracts import Predictor
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

CARD = nouns.CARD
MAX_REASON = 200  # characters


def predictor_digest(folder: Path) -> str:
    """32 hex digits over the bytes of card and weights, so over the model and the data it was trained on."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return artifacts.content_digest(*(part for one in files for part in (one.name.encode(), one.read_bytes())))


def training_digest() -> str:
    """32 hex digits over the outputs of training: the predictor and its curves."""
    curves = artifacts.TRAIN_CURVES.read_bytes()
    return artifacts.content_digest(predictor_digest(artifacts.PREDICTOR).encode(), curves)


def load_predictor(folder: Path) -> tuple[Predictor, JsonObject]:
    """The predictor and its card.

    The card may come from a stranger: it names nouns and holds numbers, and no code of it runs.

    Raises:
        UserError: The folder is missing, or its card and weights do not fit.
    """
    card: Any = artifacts.read_json(folder / CARD)
    try:
        kind = nouns.import_target(card["predictor"], "card.predictor", "predictor")
        return kind.load(folder, card), card
    except KeyError as missing:
        raise UserError(f"{folder / CARD} has no {missing}; run dvc repro train") from None
    except UserError:
        raise
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:  # a value of another type
        reason = " ".join(str(error).split())[:MAX_REASON] or type(error).__name__
        raise UserError(f"{folder / CARD} does not describe a predictor ({reason}); run dvc repro train") from None
