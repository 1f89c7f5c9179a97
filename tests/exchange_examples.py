"""What a project holds that is exported, or to which samples are added: parameters, manifest and splits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from conf_options import CONF
from PIL import Image

from pipeline.core import artifacts, config
from pipeline.core.open_types import JsonObject, Params
from pipeline.datasets.ingestion import Limits, ingest_pictures
from pipeline.media.choice import build_media

TASKS = {
    "single": "pipeline.training.tasks.single_label.SingleLabel",
    "multi": "pipeline.training.tasks.multi_label.MultiLabel",
}


def picture(path: Path, seed: int = 0) -> bytes:
    """Writes a picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="PNG")
    return path.read_bytes()


def params_of(source: JsonObject, media: str = "image", task: str = "single") -> Params:
    """What export and add read of the parameters."""
    return {
        "source": source,
        "ingest": {"max_pixels": 1_000_000},
        "media": config.compose_option("media", media, CONF),
        "task": {"_target_": TASKS[task]},
        "split": {"near_duplicate_bits": 2},
    }


def ingest_into_project(params: Params, splits: Sequence[str | None] = ()) -> pd.DataFrame:
    """The manifest of a source, written with the splits to the working folder."""
    source = config.build(params["source"], "source")
    limits = Limits(max_pixels=1_000_000, max_quarantine_fraction=0.5, cache=False)
    manifest, quarantine = ingest_pictures(source, limits, build_media(params))
    artifacts.write_table(artifacts.MANIFEST, manifest)
    artifacts.write_table(artifacts.QUARANTINE, quarantine)
    if splits:
        rows = {"sample_id": manifest["sample_id"], "split": splits, "group": manifest["sample_id"]}
        artifacts.write_table(artifacts.SPLITS, pd.DataFrame(rows))
    return manifest
