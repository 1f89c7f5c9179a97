"""A data set as V7 Darwin 2.0 JSON, a file for each picture: labels are tags, attributes properties of the item."""

from __future__ import annotations

import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.artifacts import write_json
from pipeline.core.errors import UserError
from pipeline.datasets.sources.darwin import NEGATIVE_TAG
from pipeline.labelling.exchange.placing import PlaceNames, place_names, with_places

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.exchange.content import ExchangedSample, ExchangedSet

DOCUMENTS = "annotations"
SLOT = "0"
NAMES = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # of addresses, RFC 9562


def write(content: ExchangedSet, folder: Path) -> JsonObject:
    """Writes the files; the options of the source that reads them.

    Raises:
        UserError: The samples are clips or volumes, of which the source reads no Darwin file.
    """
    if content.media != "image":
        raise UserError(f"Darwin files of {content.media}s cannot be read back; use csv, coco or label_studio")
    names = place_names(content)
    for sample in content.samples:
        write_json(folder / DOCUMENTS / f"{sample.path}.json", _document(sample, names))
    return {"_target_": "pipeline.datasets.sources.darwin.Darwin", "path": DOCUMENTS, **names.options}


def _document(sample: ExchangedSample, names: PlaceNames) -> JsonObject:
    path = PurePosixPath(sample.path)
    tags = [NEGATIVE_TAG] if sample.is_negative else sample.labels
    slot = {"type": "image", "slot_name": SLOT, "width": sample.width, "height": sample.height}
    return {
        "version": "2.0",
        "schema_ref": "https://darwin-public.s3.eu-west-1.amazonaws.com/darwin_json/2.0/schema.json",
        "item": {
            "name": path.name,
            "path": "/" if str(path.parent) == "." else f"/{path.parent}",
            "slots": [slot | {"source_files": [{"file_name": path.name}]}],
        },
        "annotations": [
            {"id": str(uuid.uuid5(NAMES, f"{sample.path}\n{tag}")), "name": tag, "tag": {}, "slot_names": [SLOT]}
            for tag in tags
        ],
        "properties": [{"name": name, "value": value} for name, value in with_places(sample, names).items()],
    }
