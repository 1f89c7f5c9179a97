"""V7 Darwin 2.0 JSON, one file for each picture: its labels are the tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import pandas as pd

from pipeline.core.delimited_text import decode_text
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import read_bytes
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.folder_contents import existing_folder, files_below
from pipeline.datasets.discovery.format_clues import pictures_folder
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import suffix
from pipeline.datasets.sources.document_source import DocumentSource
from pipeline.datasets.sources.documents import expect, parse_json
from pipeline.datasets.sources.items import Empty, Item, mark_negatives

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

NEGATIVE_TAG = "none of the tags"


@final
@dataclass(frozen=True, kw_only=True)
class Darwin(DocumentSource, FormatDetector):
    """The tags of an item are its labels; boxes and masks do not label the whole picture and are ignored.

    A tag `none of the tags` says that somebody looked and none applies. Item-level properties become attributes, and so
    do the sub-annotations of a tag (its properties, attributes and text), named with the tag first. Several values of
    one property are joined with `; `. An item without a tag is unlabelled by default (`empty`), since no file says
    whether somebody looked at it. A file that is no Darwin 2.0 item of one picture is refused (`bad_annotation`), and
    so are pictures that no file names (`no_row`).

    Args:
        path: The folder of JSON files; folders below it are searched, hidden ones (`.v7`) are not.
        empty: What an item without a tag is: `unlabelled`; `negative`, labelled as showing none of the tags, where
            somebody looked at all items; or `own_label`, labelled `nothing`.

    Source: docs.v7labs.com/reference/darwin-json.
    """

    empty: Empty = "unlabelled"

    def read(self) -> pd.DataFrame:
        return self.read_items("the path of an item", self._items)

    def _items(self, folder: Path, pictures: Path) -> list[Item]:
        existing_folder(str(folder), "path", "the folder of Darwin JSON files")
        documents = [path for path in files_below(folder) if suffix(path) == ".json"]
        if not documents:
            raise UserError(f"source.path {str(folder)!r} holds no JSON file; expected one for each picture")
        return [_item(folder, document, self.empty) for document in documents]

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        documents = [] if place.named else place.documents(".json".__eq__)
        named = [path for path in (_picture_path(place, document) for document in documents) if path is not None]
        if 2 * len(named) > len(documents):
            pictures, notes = pictures_folder(place, named, options)
            choices = {"path": str(place.root), "pictures": pictures}
            yield FormatMatch(
                layout="V7 Darwin JSON, a file for each picture", choices=choices, confidence=1, notes=notes
            )


def _item(folder: Path, document: str, empty: Empty) -> Item:
    try:
        content = parse_json(decode_text(read_bytes(folder, document), Path(document)), document)
        path = _picture(expect(content, dict, document))
        tags = _tags(content)
        attributes = {name: _value(values) for name, values in _group_values(_attributes(content, tags)).items()}
        names = [tag["name"] for tag in tags if tag["name"] != NEGATIVE_TAG]
        marked = mark_negatives(names, "negative" if len(names) < len(tags) else empty)
        return Item(path=path, **marked, attributes=attributes)
    except ItemRejected as refused:
        return Item(path=document, refused=ItemRejected("bad_annotation", refused.detail))
    except UserError as error:
        return Item(path=document, refused=ItemRejected("bad_annotation", str(error)))


def _picture_path(place: FileListing, document: str) -> str | None:
    """The path of the picture of a file; None where it is no Darwin item."""
    try:
        return _picture(
            expect(parse_json(decode_text(place.head_and_tail(document), Path(document)), document), dict, document)
        )
    except (ItemRejected, UserError):
        return None


def _picture(content: JsonObject) -> str:
    """The path of the item's one picture."""
    if not isinstance(content.get("item"), dict) or not str(content.get("version", "")).startswith("2."):
        raise ItemRejected("bad_annotation", f"no Darwin 2.0 item: version {content.get('version')!r}")
    item = content["item"]
    slots = expect(item.get("slots", []), list, "item.slots")
    kinds = [expect(slot, dict, "item.slots").get("type", "image") for slot in slots]
    if len(kinds) > 1 or kinds not in ([], ["image"]):
        raise ItemRejected("bad_annotation", f"expected one slot of type image, found {kinds}")
    name = expect(item.get("name"), str, "item.name")
    folder = expect(item.get("path") or "/", str, "item.path").strip("/")  # in Darwin the root is /
    return f"{folder}/{name}" if folder else name


def _tags(content: JsonObject) -> list[JsonObject]:
    annotations = expect(content.get("annotations", []), list, "annotations")
    tags = [one for one in annotations if "tag" in expect(one, dict, "annotations")]
    for tag in tags:
        expect(tag.get("name"), str, "annotations: the name of a tag")
    return tags


def _attributes(content: JsonObject, tags: list[JsonObject]) -> Iterator[tuple[str, Any]]:
    """Name and value of each attribute of the whole picture, in the order of the file."""
    yield from _properties(content.get("properties"), "properties")
    for tag in tags:
        for name, value in _properties(tag.get("properties"), f"the properties of tag {tag['name']!r}"):
            yield f"{tag['name']} {name}", value
        for value in expect(tag.get("attributes") or [], list, f"the attributes of tag {tag['name']!r}"):
            yield f"{tag['name']} attributes", str(value)
        text = expect(tag.get("text") or {}, dict, f"the text of tag {tag['name']!r}").get("text")
        if text is not None:
            yield f"{tag['name']} text", str(text)


def _properties(values: Any, where: str) -> Iterator[tuple[str, Any]]:
    for one in expect(values or [], list, where):
        if expect(one, dict, where).get("value") is not None:
            yield expect(one.get("name"), str, f"{where}: a name"), one["value"]


def _value(values: list[Any]) -> Any:
    """A single number or truth value as it is, else the texts, joined."""
    if len(values) == 1 and isinstance(values[0], (int, float)):
        return values[0]
    return "; ".join(map(str, values))


def _group_values(pairs: Iterator[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
