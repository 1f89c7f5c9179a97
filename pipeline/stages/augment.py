"""Pictures to packed uint8 arrays a little above training size, with extra samples of small classes in train only."""

from __future__ import annotations

from functools import partial
from itertools import chain

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.contracts import Source
from pipeline.core.parallel import map_in_order
from pipeline.datasets.npy import write_array
from pipeline.datasets.packing import Packing, columns_kept, draw_extra, extra_rows, placed, preview
from pipeline.images.decoding import Decoding
from pipeline.images.loading import fitted


def main() -> None:
    params = config.load_params()
    packing: Packing = config.call(Packing, config.section(params, "augment"), "augment")
    source: Source = config.build(config.section(params, "source"), "source")
    policy = list(config.build_each(params, "augmentation").values())
    manifest = artifacts.read_table(artifacts.MANIFEST)
    decoding = Decoding.of_manifest(params, manifest)
    rows = placed(manifest, artifacts.read_table(artifacts.SPLITS))
    extra = extra_rows(rows, packing.min_class_share, packing.seed)
    channels = int(rows["channels"].max())
    with artifacts.replacing(artifacts.PACKED) as folder:
        folder.mkdir()
        originals = map_in_order(
            partial(fitted, source, decoding, packing.size, packing.fit, channels),
            zip(rows["path"], rows["content_hash"], strict=True),
            total=len(rows),
            what="augment",
        )
        write_array(folder / "originals.npy", originals, (len(rows), packing.size, packing.size, channels))
        packed = np.load(folder / "originals.npy", mmap_mode="r")
        if len(extra):
            both = chain(packed, draw_extra(packed, extra, policy, packing.seed))
            write_array(folder / "images.npy", both, (len(rows) + len(extra), *packed.shape[1:]))
            (folder / "originals.npy").unlink()
        else:
            (folder / "originals.npy").rename(folder / "images.npy")
        index = pd.concat([rows, extra.drop(columns="position")], ignore_index=True)
        artifacts.write_table(folder / "index.parquet", columns_kept(index))
        classes = sorted(set(rows["labels"].explode().dropna()))
        card = {
            "classes": classes,
            "size": packing.size,
            "channels": channels,
            "fit": packing.fit,
            **decoding.for_card(),
            "num_extra": len(extra),
            "extra_seed": packing.seed if len(extra) else None,  # extra pictures are other pixels by another seed
        }
        artifacts.write_json(folder / "card.json", card)
        with artifacts.replacing(artifacts.PREVIEW) as temporary:
            Image.fromarray(preview(packed, rows, policy, packing.seed)).save(temporary, format="PNG")


if __name__ == "__main__":
    stage_runner.run("augment", main)
