"""Outcomes whose figures can be counted by hand."""

import numpy as np
import pandas as pd

from pipeline.experiments.table import Outcome

CLASSES = ["a", "b"]
NUM = 40


def outcome(name: str, wrong: int, num_bytes: int, **changes) -> Outcome:
    """Forty test pictures of two classes, each a group of its own, of which the first `wrong` are decided wrongly."""
    truth = np.arange(NUM) % 2
    decided = np.where(np.arange(NUM) < wrong, 1 - truth, truth)
    eye = np.eye(2, dtype=bool)
    test = pd.DataFrame(
        {
            "sample_id": [f"s{position:02d}" for position in range(NUM)],
            "group": [f"g{position:02d}" for position in range(NUM)],
            "targets": list(eye[truth].astype(np.float32)),
            "decided": list(eye[decided]),
            "scores": list(eye[decided].astype(np.float32)),
        }
    )
    entry = {"value": 1 - wrong / NUM, "low": 0.5, "high": 1.0, "n": NUM, "groups": NUM}
    told = {"entry": entry, "test": test, "classes": CLASSES, "train_seconds": 5.0, "images_per_second": 100.0}
    return Outcome(name=name, num_bytes=num_bytes, **{**told, **changes})
