"""Outcomes whose figures can be counted by hand."""

import numpy as np
from predictions_examples import make_predictions

from pipeline.core.estimate import Estimate
from pipeline.experiments.table import Outcome

CLASSES = ["a", "b"]
NUM = 40


def outcome(name: str, wrong: int, num_bytes: int, **changes) -> Outcome:
    """Forty test pictures of two classes, each a group of its own, of which the first `wrong` are decided wrongly."""
    truth = np.arange(NUM) % 2
    decided = np.where(np.arange(NUM) < wrong, 1 - truth, truth)
    eye = np.eye(2, dtype=bool)
    test = make_predictions(eye[truth].astype(np.float32), eye[decided], classes=CLASSES)
    estimate = Estimate(value=1 - wrong / NUM, low=0.5, high=1.0, n=NUM, groups=NUM)
    told = {"estimate": estimate, "test": test, "train_seconds": 5.0, "images_per_second": 100.0}
    return Outcome(name=name, num_bytes=num_bytes, **{**told, **changes})
