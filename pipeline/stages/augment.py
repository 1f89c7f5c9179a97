"""Pictures to packed uint8 arrays a little above training size, with extra samples of small classes in train only."""

from __future__ import annotations

from functools import partial
from itertools import chain

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.contracts import Source
from pipeline.core.parallel import parallel_map
from pipeline.datasets.npy import write_array
from pipeline.datasets.packing import (
    Packing,
    assigned_rows,
    augment_copies,
    draw_preview,
    oversampled_rows,
    packed_columns,
)
from pipeline.images.decoding import Decoding
from pipeline.images.loading import load_resized


def main() -> None:
    params = config.load_params()
    packing: Packing = config.instantiate(Packing, config.get_section(params, "augment"), "augment")
    source: Source = config.build(config.get_section(params, "source"), "source")
    policy = list(config.build_all(params, "augmentation").values())
    manifest = artifacts.read_table(artifacts.MANIFEST)
    decoding = Decoding.of_manifest(params, manifest)
    rows = assigned_rows(manifest, artifacts.read_table(artifacts.SPLITS))
    extra = oversampled_rows(rows, packing.min_class_share, packing.seed)
    channels = int(rows["channels"].max())
    with artifacts.atomic_write(artifacts.PACKED) as folder:
        folder.mkdir()
        originals = parallel_map(
            partial(load_resized, source, decoding, packing.stored_size, packing.fit, channels),
            zip(rows["path"], rows["content_hash"], strict=True),
            total=len(rows),
            what="augment",
        )
        write_array(
            folder / "originals.npy", originals, (len(rows), packing.stored_size, packing.stored_size, channels)
        )
        packed = np.load(folder / "originals.npy", mmap_mode="r")
        if len(extra):
            both = chain(packed, augment_copies(packed, extra, policy, packing.seed))
            write_array(folder / "images.npy", both, (len(rows) + len(extra), *packed.shape[1:]))
            (folder / "originals.npy").unlink()
        else:
            (folder / "originals.npy").rename(folder / "images.npy")
        index = pd.concat([rows, extra.drop(columns="position")], ignore_index=True)
        artifacts.write_table(folder / "index.parquet", packed_columns(index))
        classes = sorted(set(rows["labels"].explode().dropna()))
        card = {
            "classes": classes,
            "size": packing.stored_size,
            "channels": channels,
            "fit": packing.fit,
            **decoding.for_card(),
            "num_extra": len(extra),
            "extra_seed": packing.seed if len(extra) else None,  # extra pictures are other pixels by another seed
        }
        artifacts.write_json(folder / "card.json", card)
        with artifacts.atomic_write(artifacts.PREVIEW) as temporary:
            Image.fromarray(draw_preview(packed, rows, policy, packing.seed)).save(temporary, format="PNG")


if __name__ == "__main__":
    stage_runner.run("augment", main)
