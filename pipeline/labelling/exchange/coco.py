"""A data set as COCO JSON: a category on a whole picture is an annotation without a box."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.artifacts import write_json
from pipeline.core.errors import UserError
from pipeline.labelling.exchange.placing import place_names, with_places

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.exchange.content import ExchangedSet

DOCUMENT = "annotations.json"


def write(content: ExchangedSet, folder: Path) -> JsonObject:
    """Writes one document; the options of the source that reads it.

    A picture without annotations shows none of the categories, so one without a label gets an annotation marked
    `ignore`.

    Raises:
        UserError: Some samples are negatives, and none has a label: a document without annotations cannot say so.
    """
    if content.has_negatives and not any(one.labels for one in content.samples):
        raise UserError("COCO cannot say that pictures show none of the categories where no picture shows any; use csv")
    names = place_names(content)
    ids = {name: number for number, name in enumerate(content.classes, start=1)}
    images = [
        {
            "id": number,
            "file_name": one.path,
            "width": one.width,
            "height": one.height,
            "attributes": with_places(one, names),
        }
        for number, one in enumerate(content.samples, start=1)
    ]
    annotations = [{"id": number, **entry} for number, entry in enumerate(_annotations(content, ids), start=1)]
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    write_json(folder / DOCUMENT, {"images": images, "annotations": annotations, "categories": categories})
    target = "pipeline.datasets.sources.coco.Coco"
    return {"_target_": target, "path": DOCUMENT, "empty": "negative", **names.options}


def _annotations(content: ExchangedSet, ids: dict[str, int]) -> Iterator[JsonObject]:
    is_labelled = any(one.labels for one in content.samples)
    for number, sample in enumerate(content.samples, start=1):
        for label in sample.labels:
            yield {"image_id": number, "category_id": ids[label], "iscrowd": 0}
        if is_labelled and not sample.is_labelled:
            yield {"image_id": number, "category_id": 1, "iscrowd": 0, "ignore": 1}
