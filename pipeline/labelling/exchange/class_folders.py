"""A data set as a folder per class, below train, val and test where it is split."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.exchange.content import ExchangedSample, ExchangedSet

NO_LABEL = "unlabelled"
SOURCES = {
    "image": "pipeline.datasets.sources.folder.Folder",
    "clip": "pipeline.datasets.sources.clips.Clips",
    "volume": "pipeline.datasets.sources.volumes.Volumes",
}


def arrange(content: ExchangedSet) -> ExchangedSet:
    """The samples at `SPLIT/CLASS/NAME`; a name that is there already gets its folder before it, or a number.

    Where a labelled sample is of no split, there are no folders of the split. Groups and attributes are left out.

    Raises:
        UserError: A sample has several labels, shows none of the classes, or its class can name no folder.
    """
    refused = next((one for one in content.samples if one.is_negative or len(one.labels) > 1), None)
    if refused is not None:
        found = "none of the classes" if refused.is_negative else f"the labels {', '.join(refused.labels)}"
        raise UserError(
            f"class folders hold one label per sample, and {refused.origin!r} shows {found}; use csv or coco"
        )
    if len({name for one in content.samples for name in one.labels}) < 2:
        raise UserError("class folders need at least two classes with samples, to be read back; use csv or coco")
    for name in content.classes:
        if "/" in name or "\\" in name or name.startswith(".") or len(name.encode()) > 200 or not name.isprintable():
            raise UserError(f"the class {name!r} can name no folder; use csv or coco, or rename it in data/classes/")
    has_parts = content.has_splits and all(one.split for one in content.samples if one.is_labelled)
    counts: Counter[str] = Counter()
    samples = tuple(_arrange(one, has_parts, counts) for one in content.samples)
    return replace(content, samples=samples)


def _arrange(sample: ExchangedSample, has_parts: bool, counts: Counter[str]) -> ExchangedSample:
    part = f"{sample.split or 'train'}/" if has_parts else ""
    folder = f"{part}{sample.labels[0] if sample.labels else NO_LABEL}"
    path = PurePosixPath(sample.path)
    name = path.name
    while counts[f"{folder}/{name}".casefold()]:
        stem, dot, ending = path.name.partition(".")
        counts[f"{folder}/{path.name}".casefold()] += 1
        name = f"{stem}_{counts[f'{folder}/{path.name}'.casefold()]}{dot}{ending}"
    counts[f"{folder}/{name}".casefold()] += 1
    split = sample.split if has_parts else None
    return replace(sample, path=f"{folder}/{name}", split=split, group=None, attributes={})


def write(content: ExchangedSet, folder: Path) -> JsonObject:
    """The options of the source that reads the folders, which hold everything: nothing more is written."""
    return {"_target_": SOURCES[content.media], "path": ".", "label_level": 1, "split_folders": content.has_splits}
