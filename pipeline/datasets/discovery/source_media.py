"""What a sample of a source is, before a run: a picture, a clip or a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core import config
from pipeline.core.contracts import Source
from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import FileSet
from pipeline.datasets.discovery.sample_suffixes import media_named, media_of
from pipeline.datasets.sources.tree_source import TreeSource

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import Params


def find_media(source: Source, rows: pd.DataFrame) -> str:
    """The file of conf/media/ that fits a source: its own, else that of most names, else that of its first folder.

    Args:
        source: Of the samples; of an archive or a server the source within counts.
        rows: As `read` returns them.
    """
    while isinstance(source, TreeSource):
        source = source.inner
    if source.media != "image":
        return str(source.media)
    paths = rows["path"][rows["refused"].isna()] if "refused" in rows else rows["path"]
    found = media_of(paths)
    if found == "image" and len(paths) and all(media_named(path) is None for path in paths):
        found = _media_of_first(source, str(paths.iloc[0]))
    return found if found in config.list_targets("media") else "image"


def media_node(media: str) -> Params:
    """The section `media` of a run with this file of conf/media/."""
    return {"media": config.compose_option("media", media)}


def _media_of_first(source: Source, path: str) -> str:
    """By the files of a folder: frames of a clip, or slices, whose names often have no ending."""
    try:
        opened = source.open(path)
    except ItemRejected:
        return "image"
    if not isinstance(opened, FileSet):
        return "image"
    names = [name for name, _ in opened.files]
    return "clip" if any(media_named(name) == "image" for name in names) else "volume"
