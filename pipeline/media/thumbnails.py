"""Small copies of pictures, for a page."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.core.parallel import parallel_map
from pipeline.media.reader import SampleReader


def load_thumbnails(
    reader: SampleReader, manifest: pd.DataFrame, names: Iterable[str], side: int
) -> dict[str, np.ndarray]:
    """sample_id to a small copy of the whole picture; pictures that cannot be read any more are left out.

    A page about findings must not fail because a picture is gone: the stages that train on it report that.

    Args:
        reader: Of the data set.
        manifest: Rows with `sample_id`, `path` and `content_hash`.
        names: Of the samples.
        side: Longest of a copy, in pixels.
    """
    rows = manifest.set_index("sample_id")[["path", "content_hash"]].loc[list(names)]
    items = list(rows.itertuples(index=False, name=None))
    copies = parallel_map(partial(_load, reader, side), items, len(items), "pictures")
    return {name: copy for name, copy in zip(rows.index, copies, strict=True) if copy is not None}


def _load(reader: SampleReader, side: int, item: tuple[str, str]) -> np.ndarray | None:
    try:
        image = Image.fromarray(reader.load_picture(item))
    except UserError:
        return None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)
