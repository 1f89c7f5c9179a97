"""Pictures that show the same photograph, whatever was done to it, so that the split can keep them together."""

from __future__ import annotations

from functools import partial
from tempfile import TemporaryFile

import numpy as np
import pandas as pd

from pipeline.core import config, files, stage, terminal, twins
from pipeline.core.contracts import Source
from pipeline.core.looking import look
from pipeline.core.matching import SIDE
from pipeline.core.parallel import map_in_order
from pipeline.core.pictures import Decoding
from pipeline.core.twins import Pairing


def main() -> None:
    params = config.load_params()
    pairing: Pairing = config.call(Pairing, config.section(params, "pair"), "pair")
    source: Source = config.build(config.section(params, "source"), "source")
    manifest = files.read_table(files.MANIFEST)
    found = pair(source, manifest, Decoding.of_manifest(params, manifest), pairing)
    files.write_table(files.TWINS, found)


def pair(source: Source, manifest: pd.DataFrame, decoding: Decoding, pairing: Pairing) -> pd.DataFrame:
    """`left`, `right` (sample_id), `similarity`, `distinction` and `mirrored` of each pair, in manifest order."""
    items = zip(manifest["path"], manifest["content_hash"], strict=True)
    made = map_in_order(partial(thumbnail, source, decoding), items, len(manifest), "pair")
    with TemporaryFile() as file:  # of a million pictures they take 4 GB, which the system keeps in memory if it can
        shape = (max(1, len(manifest)), SIDE, SIDE)
        thumbnails = np.memmap(file, np.uint8, "w+", shape=shape)[: len(manifest)]
        for position, one in enumerate(made):
            thumbnails[position] = one
        alike = twins.alike(thumbnails, pairing.min_similarity, pairing.num_neighbours)
    found = alike[alike.distinction >= pairing.min_distinction]
    if len(found.pairs) < len(alike.pairs):
        terminal.say(
            f"pair: {len(alike.pairs) - len(found.pairs):,} pairs are alike, but hardly more than they are to others, "
            f"and stay apart; {len(found.pairs):,} are one photograph"
        )
    names = manifest["sample_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "left": pd.Series(names[found.pairs[:, 0]], dtype="str"),
            "right": pd.Series(names[found.pairs[:, 1]], dtype="str"),
            "similarity": found.similarity,
            "distinction": found.distinction,
            "mirrored": found.pairs[:, 2] == 1,
        }
    )


def thumbnail(source: Source, decoding: Decoding, item: tuple[str, str]) -> np.ndarray:
    return twins.thumbnail(look(source, decoding, *item))


if __name__ == "__main__":
    stage.run("pair", main)
