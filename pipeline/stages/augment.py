"""Pictures to packed uint8 arrays a little above training size, with extra samples of small classes in train only.

Pictures without a label, the pool, are packed where an objective pretrains on them.
"""

from __future__ import annotations

from functools import partial
from itertools import chain

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.axes import check_spatial_rank
from pipeline.core.manifest_schema import POOL
from pipeline.core.nouns import import_target
from pipeline.core.parallel import parallel_map
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.datasets.npy import write_array
from pipeline.datasets.packing import (
    Packing,
    assigned_rows,
    augment_copies,
    draw_preview,
    labelled_digest,
    oversampled_rows,
    packed_columns,
)
from pipeline.media.reader import make_reader


def main() -> list[str]:
    params = config.load_params()
    packing: Packing = config.instantiate(Packing, config.get_section(params, "augment"), "augment")
    policy = config.build_all(params, "augmentation")
    tables = (artifacts.MANIFEST, artifacts.SPLITS, artifacts.DUPLICATES)
    manifest, splits, duplicates = map(artifacts.read_table, tables)
    reader = make_reader(params, manifest)
    objective = import_target(config.get_section(params, "objective")["_target_"], "objective", "objective")
    rows = assigned_rows(manifest, splits, duplicates, objective.trains)  # else nothing would read the pool
    extra = oversampled_rows(rows, packing.min_class_share, packing.seed)
    storage = reader.storage(packing.stored_size, packing.fit, int(rows.loc[rows["split"] != POOL, "channels"].max()))
    check_spatial_rank({f"augmentation.{name}": one for name, one in policy.items()}, storage.shape)
    augmentations = list(policy.values())
    with artifacts.atomic_write(artifacts.PACKED) as folder:
        folder.mkdir()
        originals = parallel_map(
            partial(reader.load_stored, storage=storage),
            zip(rows["path"], rows["content_hash"], strict=True),
            total=len(rows),
            what="augment",
        )
        write_array(folder / "originals.npy", originals, (len(rows), *storage.shape))
        packed = np.load(folder / "originals.npy", mmap_mode="r")
        if len(extra):
            both = chain(packed, augment_copies(packed, extra, augmentations, packing.seed))
            write_array(folder / "images.npy", both, (len(rows) + len(extra), *packed.shape[1:]))
            (folder / "originals.npy").unlink()
        else:
            (folder / "originals.npy").rename(folder / "images.npy")
        index = pd.concat([rows, extra.drop(columns="position")], ignore_index=True)
        artifacts.write_table(folder / "index.parquet", packed_columns(index))
        classes = sorted(set(rows["labels"].explode().dropna()))
        card = {
            "classes": classes,
            **storage.for_card(),
            **reader.for_card(),
            "num_extra": len(extra),
            "extra_seed": packing.seed if len(extra) else None,  # extra pictures are other pixels by another seed
            **({"labelled_digest": labelled_digest(index)} if objective.trains else {}),
        }
        artifacts.write_json(folder / "card.json", card)
        preview = draw_preview(packed, rows, augmentations, packing.seed)
        with artifacts.atomic_write(artifacts.PREVIEW) as temporary:
            Image.fromarray(preview).save(temporary, format="PNG")
    side = " x ".join(map(str, storage.shape[:-1]))
    extras = f", and {len(extra):,} extra of small classes" if len(extra) else ""
    pooled = int((rows["split"] == POOL).sum())
    unlabelled = f", {pooled:,} without a label" if pooled else ""
    return [f"{count_of(len(rows), noun_of(reader.codec.media))} of {side} pixels{unlabelled}{extras}"]


if __name__ == "__main__":
    stage_runner.run("augment", main)
