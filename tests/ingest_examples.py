"""A folder to ingest, and the parameters that say so."""

import yaml
from conf_options import CONF

from pipeline.core import config
from pipeline.datasets import ingestion
from pipeline.datasets.sources.folder import Folder
from pipeline.media.choice import build_media
from pipeline.media.reader import SampleReader

MAX_PIXELS = 9_999
BROKEN = {
    "cat/broken.png": "truncated",
    "cat/empty.jpg": "empty",
    "cat/huge.png": "too_large",
    "cat/text.jpg": "not_a_picture",
    "dog/dangling.png": "missing",
    "dog/device.png": "unreadable",
    "dog/pipe.png": "unreadable",
}  # what is added to the eight pictures of `picture_folder`, and why each is refused


def ingest(source, max_pixels, cache=False, decisions=(), grey_scale="auto"):
    """The manifest and the quarantine of a source's pictures."""
    limits = ingestion.Limits(max_pixels=max_pixels, max_quarantine_fraction=1.0, grey_scale=grey_scale)
    media = getattr(source, "media", "image")
    built = build_media({} if media == "image" else {"media": config.compose_option("media", media, CONF)})
    return ingestion.ingest(SampleReader(source=source, codec=built.codec(limits.facts)), cache, decisions)


def source(folder):
    return Folder(name="pictures", path=str(folder), watch=str(folder))


def write_params(folder, max_quarantine_fraction=1.0):
    params = {
        "source": {
            "_target_": "pipeline.datasets.sources.folder.Folder",
            "name": "x",
            "path": str(folder),
            "watch": "x",
        },
        "ingest": {"max_pixels": 9_999, "max_quarantine_fraction": max_quarantine_fraction},
    }
    config.PARAMS.write_text(yaml.safe_dump(params))


def paths_and_reasons(folder):
    manifest, quarantine = ingest(source(folder), max_pixels=9_999)
    return set(manifest["path"]), dict(zip(quarantine["path"], quarantine["reason"], strict=True))
