"""The database of a server that answered about pictures like those of `finished_run`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from feedback_examples import answer, store_rows
from finished_run import paint

from pipeline.core import config
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure
from pipeline.serving.answer_store import ANSWERS


def serve(folder: Path, manifest: pd.DataFrame, level: int, number: int = 40, version: str = "1") -> str:
    """The address of a database with answers about that many new pictures, one twice, and one of the manifest.

    Args:
        folder: Where it is made, with the project in the current folder.
        manifest: Of the run.
        level: Mean grey of the pictures.
        number: Of pictures.
        version: That answered.
    """
    generator, rows = np.random.default_rng(5), []
    model = str(config.load_params()["register"]["model_name"])
    for place in range(number):
        path = paint(folder / "served", f"{place}.png", level, generator)
        found = decode_and_measure(path.read_bytes(), Decoding(max_pixels=10**6))
        about = {"content_hash": found.content_hash, "properties": dict(found.properties)}
        scores = {"labels": ["light"], "scores": {"dark": 0.1, "light": 0.9}}
        rows.append(answer(place, f"{place:064x}", version, model) | about | scores)
    rows.append(rows[0] | {"id": "again", "time": rows[-1]["time"]})
    of_train = {"content_hash": str(manifest["content_hash"].iloc[0])}
    rows.append(rows[0] | {"id": "known", "digest": "f" * 64} | of_train)
    return store_rows(f"sqlite:///{folder / 'served.db'}", [(ANSWERS, row) for row in rows])
