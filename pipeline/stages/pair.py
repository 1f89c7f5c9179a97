"""Pictures that show the same photograph, whatever was done to it, so that the split can keep them together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from pipeline.core import config, files, stage, twins
from pipeline.core.contracts import Source
from pipeline.core.looking import look
from pipeline.core.parallel import map_in_order


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """When two pictures count as one photograph.

    Args:
        min_similarity: Correlation of their fine structure, best displacement and zoom, above 0 and at most 1. A data
            set whose pictures all look alike raises it by itself (`core/twins.find`).
        num_neighbours: Look-alikes compared closely, for each picture and for its mirror image; at least 1.
    """

    min_similarity: float
    num_neighbours: int

    def __post_init__(self) -> None:
        if not 0 < self.min_similarity <= 1:
            raise ValueError(f"min_similarity must be above 0 and at most 1, got {self.min_similarity}")
        if self.num_neighbours < 1:
            raise ValueError(f"num_neighbours must be at least 1, got {self.num_neighbours}")


def main() -> None:
    params = config.load_params()
    pairing: Pairing = config.call(Pairing, config.section(params, "pair"), "pair")
    source: Source = config.build(config.section(params, "source"), "source")
    manifest = files.read_table(files.MANIFEST)
    found = pair(source, manifest, config.section(params, "ingest")["max_pixels"], pairing)
    files.write_table(files.TWINS, found)


def pair(source: Source, manifest: pd.DataFrame, max_pixels: int, pairing: Pairing) -> pd.DataFrame:
    """`left`, `right` (sample_id), `similarity` and `mirrored` of each pair, in the order of the manifest."""
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    made = map_in_order(partial(thumbnail, source, max_pixels), items, len(manifest), "pair")
    thumbnails = np.zeros((len(manifest), twins.SIDE, twins.SIDE), dtype=np.uint8)
    for position, one in enumerate(made):
        thumbnails[position] = one
    pairs, similar, limit = twins.find(thumbnails, pairing.min_similarity, pairing.num_neighbours)
    if limit > pairing.min_similarity:
        print(f"pair: these pictures all look alike; twins are those more similar than {limit:.4f}, as look-alikes are")
    names = manifest["sample_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "left": pd.Series(names[pairs[:, 0]], dtype="str"),
            "right": pd.Series(names[pairs[:, 1]], dtype="str"),
            "similarity": similar,
            "mirrored": pairs[:, 2] == 1,
        }
    )


def thumbnail(source: Source, max_pixels: int, item: tuple[str, str]) -> np.ndarray:
    return twins.thumbnail(look(source, max_pixels, *item))


if __name__ == "__main__":
    stage.run("pair", main)
