"""What an answer says of one sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.prediction.classifier import Answers
    from pipeline.serving.served_model import ServedModel

DIGITS = 6  # of a score


def describe_answer(found: Answers, model: ServedModel) -> JsonObject:
    """What is said of one picture.

    Args:
        found: Of one picture.
        model: That decided.

    Returns:
        `class` (where each picture has one), `labels`, `confidence` (of the class), `scores` (class to number, 0 to 1),
        `abstains`, `reason`; `set` and `out_of_distribution` where the policy gives them.
    """
    classifier = model.classifier
    scores = {name: _round(value) for name, value in zip(classifier.classes, found.scores[0].tolist(), strict=True)}
    labels = list(found.labels[0])
    entry: JsonObject = {"class": labels[0], "confidence": scores[labels[0]]} if classifier.exclusive and labels else {}
    entry |= {"labels": labels, "scores": scores}
    entry |= {"abstains": bool(found.abstains[0]) if found.abstains is not None else False}
    entry |= {"reason": str(found.reasons[0]) if found.reasons is not None else ""}
    if found.sets is not None:
        entry["set"] = list(found.sets[0])
    if found.out_of_distribution is not None:
        entry["out_of_distribution"] = _round(float(found.out_of_distribution[0]))
    return entry


def _round(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None
