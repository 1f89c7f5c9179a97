"""Made manifests of any size, with every column that ingest writes, and the duplicates beside them.

The columns are those of one picture measured by ingest itself, so that a new property is in the benchmarks at once.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

GROUP_SIZE = 4
COPY_EVERY = 20  # a near-duplicate, which is a duplicate too, for each twentieth sample
TWIN_EVERY = 100  # a duplicate that no hash sees for each hundredth
SIGNED = ("red_green", "blue_yellow")
APART = 7  # rows between a sample and its copy
LEVELS = ("dark_level", "light_level", "corner_")  # measured in steps of 1/255 or of a few pixels


def manifest(num_rows: int, num_classes: int = 10, labels_each: int = 1) -> pd.DataFrame:
    """Rows as ingest would write them, the same for the same numbers; no property tells a label.

    Args:
        num_rows: At least 100.
        num_classes: Class k of K has k / (1 + ... + K) of the samples.
        labels_each: Labels of a sample.
    """
    generator = np.random.default_rng([num_rows, num_classes, labels_each])
    share = np.arange(1, num_classes + 1) / (num_classes * (num_classes + 1) / 2)
    drawn = generator.choice(num_classes, (num_rows, labels_each), p=share)
    labels = [sorted({f"class{one}" for one in row}) for row in drawn.tolist()]
    number = generator.permutation(num_rows)
    names = [f"{names[0]}/IMG_{one:07d}.jpg" for names, one in zip(labels, number.tolist(), strict=True)]
    measured = _measured()
    formats = generator.choice(["JPEG", "PNG", "WEBP"], num_rows, p=[0.8, 0.1, 0.1])
    height, width = np.array([(480, 640), (600, 800), (1080, 1920)])[generator.integers(0, 3, num_rows)].T
    table = pd.DataFrame({"sample_id": names, "path": names, "labels": labels})
    table["group"] = [f"group{one}" for one in generator.integers(0, num_rows // GROUP_SIZE, num_rows)]
    told = {
        "format": formats,
        "content_hash": [f"{one:032x}" for one in generator.permutation(num_rows)],
        "perceptual_hash": [f"{one:016x}" for one in _hashes(num_rows, generator)],
        "height": height,
        "width": width,
        "prop_aspect_ratio": width / height,
        "prop_num_pixels": (width * height).astype(float),
        "prop_num_bytes": generator.integers(1_000, 1_000_000, num_rows).astype(float),
        "prop_jpeg_quality": np.where(formats == "JPEG", generator.integers(60, 100, num_rows), np.nan),
        "attr_exif_camera": generator.choice(["one", "two", "three", None], num_rows),
        "attr_exif_time": _times(num_rows, generator),
    }
    for column, value in measured.items():
        if str(column).startswith("prop_") and column not in told:
            told[column] = _numbers(column.removeprefix("prop_"), num_rows, generator)
        table[column] = told.get(column, value)
    table["source_order"] = np.arange(num_rows)
    table["attr_site"] = generator.choice(list("abcde"), num_rows)
    table["attr_dose"] = generator.random(num_rows)
    return table


def duplicates(manifest: pd.DataFrame) -> pd.DataFrame:
    """Pairs as the stage find_duplicates would write them."""
    copies, others = (np.arange(every, len(manifest) - 1, every) for every in (COPY_EVERY, TWIN_EVERY))
    left, right = np.r_[copies - APART, others - APART + 1], np.r_[copies, others + 1]
    order = np.lexsort((right, left))
    names = manifest["sample_id"].to_numpy(dtype=object)
    pairs = {side: pd.Series(names[rows[order]], dtype="str") for side, rows in (("left", left), ("right", right))}
    return pd.DataFrame({**pairs, "similarity": 0.95, "mirrored": False})


def write(folder: Path, num_rows: int, num_classes: int = 10, labels_each: int = 1) -> None:
    """Both tables where the stages look for them."""
    from pipeline.core import artifacts

    table = manifest(num_rows, num_classes, labels_each)
    artifacts.write_table(folder / artifacts.MANIFEST, table)
    artifacts.write_table(folder / artifacts.DUPLICATES, duplicates(table))


def _measured() -> dict[str, object]:
    """The columns of one picture, as ingest names and orders them."""
    from pipeline.images.properties import measure
    from pipeline.media.manifest_columns import manifest_columns

    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (row,) = manifest_columns([measure(picture, 1)]).to_dict("records")
    return dict(row)


def _hashes(num_rows: int, generator: np.random.Generator) -> np.ndarray:
    hashes = generator.integers(0, 2**64, num_rows, dtype=np.uint64)
    copies = np.arange(COPY_EVERY, num_rows, COPY_EVERY)
    hashes[copies] = hashes[copies - APART] ^ (np.uint64(1) << generator.integers(0, 64, len(copies), dtype=np.uint64))
    return hashes


def _times(num_rows: int, generator: np.random.Generator) -> pd.Series:
    seconds = pd.Series(generator.integers(1_500_000_000, 1_600_000_000, num_rows))
    text = pd.to_datetime(seconds, unit="s").dt.strftime("%Y-%m-%d %H:%M:%S")
    return text.where(generator.random(num_rows) > 0.1, None)


def _numbers(name: str, num_rows: int, generator: np.random.Generator) -> np.ndarray:
    drawn = generator.random(num_rows)
    if name.endswith(SIGNED):
        return drawn - 0.5
    if name.startswith(LEVELS):
        return np.round(255 * drawn) / 255
    return 8 * drawn if name == "entropy" else drawn / 2
