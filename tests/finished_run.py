"""A finished run on few small pictures, with what drift is measured against."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import artifacts, config
from pipeline.features.store import to_float16
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure
from pipeline.images.storage import SquareFormat
from pipeline.prediction.new_pictures import make_extractor

CLASSES = ["dark", "light"]
OVERRIDES = ["source=folder", "embed=hog", "monitoring.num_permutations=99", "monitoring.num_resamples=100"]


def paint(folder: Path, name: str, level: int, generator: np.random.Generator) -> Path:
    pixels = np.clip(generator.normal(level, 20, (24, 24)), 0, 255).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def make_run(project: Path) -> Path:
    """The artifacts of a run on 90 pictures, of which the last 10 are of test; the folder."""
    generator = np.random.default_rng(0)
    params = config.load_params(write_params(project))
    rows: list[dict[str, Any]] = []
    for number in range(90):
        path = paint(project / f"data/raw/{CLASSES[number % 2]}", f"{number}.png", 90 + 60 * (number % 2), generator)
        found = decode_and_measure(path.read_bytes(), Decoding(max_pixels=10**6))
        properties = {f"prop_{name}": value for name, value in found.properties.items()}  # type: ignore[union-attr]
        name = path.relative_to(project / "data/raw").as_posix()
        rows.append(
            {
                "sample_id": name,
                "path": name,
                "labels": [CLASSES[number % 2]],
                "group": f"g{number}",
                "content_hash": found.content_hash,
                "channels": 1,
                **properties,  # type: ignore[union-attr]
                "split": "test" if number >= 80 else "val" if number >= 50 else "train",
            }
        )
    table = pd.DataFrame(rows)
    artifacts.write_table(project / artifacts.MANIFEST, table.drop(columns="split"))
    artifacts.write_table(project / artifacts.SPLITS, table[["sample_id", "split", "group"]])
    of_val = table[table["split"] != "train"][["sample_id", "split", "labels"]]
    scores = [[0.8, 0.2] if one == ["dark"] else [0.2, 0.8] for one in of_val["labels"]]
    predictions = of_val.assign(decided=of_val["labels"], scores=scores)
    artifacts.write_table(project / artifacts.PREDICTIONS, predictions, metadata={"classes": CLASSES})
    artifacts.write_json(project / artifacts.POLICY, {"exclusive": True})
    options, extractor = make_extractor(params)
    storage = SquareFormat.of_card({"size": options.image_size, "fit": options.fit, "channels": 1})
    images = [storage.convert(np.asarray(Image.open(project / "data/raw" / one))) for one in table["path"]]
    folder = project / artifacts.EMBEDDINGS
    folder.mkdir()
    np.save(folder / "features.npy", np.stack(list(to_float16(extractor.stream(images)))))
    artifacts.write_table(folder / "index.parquet", table[["sample_id"]])
    artifacts.write_json(folder / "card.json", {})
    return project


def write_params(project: Path) -> Path:
    path = project / config.PARAMS
    path.write_text(config.compose(overrides=OVERRIDES))
    return path
