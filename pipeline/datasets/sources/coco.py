"""A COCO JSON file: the labels of a picture are the categories annotated on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import pandas as pd

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.format_clues import match_documents, starts_with, strings
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.sources.document_source import DocumentSource
from pipeline.datasets.sources.documents import expect, read_json
from pipeline.datasets.sources.items import Item, mark_negatives

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

NO_ATTRIBUTES = frozenset(["id", "file_name", "width", "height", "coco_url", "flickr_url", "url", "path", "attributes"])
KEYS = ((b'"images"', b'"file_name"'), (b'"annotations"', b'"image_id"', b'"category_id"'))  # of the format


@final
@dataclass(frozen=True, kw_only=True)
class Coco(DocumentSource, FormatDetector):
    """Boxes, masks or plain categories, all read as image-level labels.

    A crowd (`iscrowd`) counts like a single object; an annotation marked `ignore` does not count. A picture without
    annotations shows none of the categories, unless the file annotates no picture at all; one with ignored annotations
    only is unlabelled. Further keys of an image entry (and its `attributes`) become attributes. A picture with an
    annotation of an unknown category is refused (`bad_annotation`), and so are pictures below `pictures` that the file
    does not name (`no_row`).

    A document for each part of a split is one data set: `path` then names them by train, val and test.

    Args:
        path: The JSON file with images, annotations and categories, or one for each part of the given split.

    Source: Lin et al. 2014, doi:10.1007/978-3-319-10602-1_48; format at cocodataset.org/#format-data.
    """

    def read(self) -> pd.DataFrame:
        return self.read_items("file_name", self._items)

    def _items(self, document: Path, pictures: Path) -> list[Item]:
        """The items of one file."""
        content = expect(read_json(document), dict, str(document))
        parts = {
            part: expect(content.get(part), list, f"{document}: {part}")
            for part in ("images", "annotations", "categories")
        }
        if not parts["images"]:
            raise UserError(f"{document}: images is empty; expected one entry for each picture")
        images = _by_id(parts["images"], f"{document}: images")
        categories = {
            key: expect(entry.get("name"), str, f"{document}: the name of category {key!r}")
            for key, entry in _by_id(parts["categories"], f"{document}: categories").items()
        }
        found = _read_annotations(parts["annotations"], images, categories, document)
        unlabelled = found.ignored if parts["annotations"] else images.keys()
        items = [
            Item(
                path=expect(entry.get("file_name"), str, f"{document}: image {key!r}, file_name"),
                **mark_negatives(found.labels.get(key, ()), "unlabelled" if key in unlabelled else self.empty),
                refused=found.damaged.get(key),
                attributes=dict(_attributes(entry)),
            )
            for key, entry in images.items()
        ]
        return [*items, *(Item(path=f"image_id {key}", refused=refused) for key, refused in found.unknown.items())]

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        names = {
            document: list(strings(data, "file_name"))
            for document in place.documents(".json".__eq__)
            if starts_with(data := place.head_and_tail(document), b"{")
            and any(all(key in data for key in keys) for keys in KEYS)
        }
        return match_documents("COCO JSON", place, names, options)


@final
@dataclass(frozen=True)
class Annotations:
    """The annotations of a file by the ids of images: labels, and annotations that cannot be used.

    Attributes:
        labels: Names of categories.
        ignored: Images with an annotation marked `ignore`.
        damaged: Images with an annotation of an unknown category, to their rejection.
        unknown: Ids that annotations have, and no image, to their rejection.
    """

    labels: dict[Any, set[str]] = field(default_factory=dict)
    ignored: set[Any] = field(default_factory=set)
    damaged: dict[Any, ItemRejected] = field(default_factory=dict)
    unknown: dict[Any, ItemRejected] = field(default_factory=dict)


def _read_annotations(
    entries: list[Any], images: Collection[Any], categories: Mapping[Any, str], document: Path
) -> Annotations:
    found = Annotations()
    for position, entry in enumerate(entries):
        expect(entry, dict, f"{document}: annotations[{position}]")
        image, category = (_key(entry.get(key)) for key in ("image_id", "category_id"))
        if image not in images:
            fault = ItemRejected("missing", f"annotations[{position}] refers to it, but images lacks it")
            found.unknown.setdefault(image, fault)
        elif category not in categories:
            detail = f"annotations[{position}] has the category_id {category!r}, which categories lacks"
            found.damaged.setdefault(image, ItemRejected("bad_annotation", detail))
        elif entry.get("ignore"):
            found.ignored.add(image)
        else:
            found.labels.setdefault(image, set()).add(categories[category])
    return found


def _attributes(entry: JsonObject) -> Iterator[tuple[str, Any]]:
    """The attributes of an image entry: text, numbers and truth values only."""
    nested = entry.get("attributes")
    own = {key: entry[key] for key in entry.keys() - NO_ATTRIBUTES}
    for key, value in sorted({**own, **(nested if isinstance(nested, dict) else {})}.items()):
        if isinstance(value, (str, int, float)):
            yield key, value


def _by_id(entries: list[Any], where: str) -> dict[Any, JsonObject]:
    found: dict[Any, JsonObject] = {}
    for position, entry in enumerate(entries):
        key = _key(expect(entry, dict, f"{where}[{position}]").get("id"))
        if key is None or key in found:
            problem = "has no id" if key is None else f"has the id {key!r} of an entry before it"
            raise UserError(f"{where}[{position}] {problem}; export the file again")
        found[key] = entry
    return found


def _key(value: Any) -> Any:
    """An id, or None where its type cannot be an id."""
    return value if isinstance(value, (int, str)) else None
