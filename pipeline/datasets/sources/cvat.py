"""CVAT's "for images" XML: the labels of a picture are its tags, or the labels of the shapes on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import pandas as pd

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.format_clues import match_documents
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.split_names import is_unlabelled, split_named
from pipeline.datasets.sources.annotation_source import AnnotationSource
from pipeline.datasets.sources.items import Empty, Item, mark_negatives

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_XML_BYTES = 512 * 1024**2
SHAPES = ("box", "polygon", "polyline", "points", "cuboid", "ellipse", "skeleton", "mask")


@final
@dataclass(frozen=True, kw_only=True)
class Cvat(AnnotationSource, FormatDetector):
    """Where any picture has a tag, the tags are the labels; else the labels of boxes, masks and other shapes are.

    Attributes of a tag become attributes of the picture, named with the tag first. A tag called `no_label` says that
    the picture is unlabelled. The subset of an image (Train, Validation, Test) gives the split.

    Args:
        path: The XML file, exported as "CVAT for images 1.1".

    Source: docs.cvat.ai/docs/manual/advanced/xml_format.
    """

    def read(self) -> pd.DataFrame:
        return self.read_items("the name of an image", self._items)

    def _items(self, document: Path, pictures: Path) -> list[Item]:
        images = list(_images(document))
        if not images:
            raise UserError(f"{document} holds no image; export it as CVAT for images")
        kind = "tags" if any(one.tags for one in images) else "shapes"
        return [_item(one, one.tags if kind == "tags" else one.shapes, self.empty) for one in images]

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        names: dict[str, list[str]] = {}
        for document in place.documents(".xml".__eq__):
            edges = place.head_and_tail(document)
            if b"<annotations" in edges and b"<image " in edges:
                try:
                    names[document] = [one.name for one in _images(Path(place.at(document)))]
                except UserError:  # `read` reports the error
                    names[document] = []
        return match_documents("CVAT XML", place, names, options)


@dataclass(frozen=True, kw_only=True)
class Image:
    """The annotations of one picture."""

    name: str
    subset: str
    tags: list[str]
    shapes: list[str]
    attributes: dict[str, str]


def _images(document: Path) -> Iterator[Image]:
    """The images of a file, read one by one.

    Raises:
        UserError: It cannot be read, is no XML or unsafe, or an image or a label has no name.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    where = f"source.path {str(document)!r}"
    try:
        size = document.stat().st_size
        if size > MAX_XML_BYTES:
            raise UserError(f"{where} has {size} bytes, at most {MAX_XML_BYTES} are read; export it in parts")
        for _, element in iterparse(str(document), forbid_dtd=True):
            if element.tag == "image":
                yield _image(element, where)
                element.clear()
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror}") from None
    except DefusedXmlException:
        raise UserError(f"{where} is unsafe XML: it declares a document type or entities; export it again") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UserError(f"{where} is not valid XML ({error}); export it again") from None


def _image(element: Element, where: str) -> Image:
    name = element.get("name")
    if not name:
        raise UserError(f"{where}: image {element.get('id')!r} has no name; export it again")
    found: dict[str, list[str]] = {"tag": [], "shape": []}
    attributes: dict[str, str] = {}
    for one in element:
        if one.tag != "tag" and one.tag not in SHAPES:
            continue
        label = (one.get("label") or "").strip()
        if not label:
            raise UserError(f"{where}: a {one.tag} of image {name!r} has no label; export it again")
        found["tag" if one.tag == "tag" else "shape"].append(label)
        for attribute in one.iterfind("attribute") if one.tag == "tag" else ():
            attributes[f"{label} {attribute.get('name')}"] = (attribute.text or "").strip()
    return Image(
        name=name,
        subset=element.get("subset") or "",
        tags=found["tag"],
        shapes=found["shape"],
        attributes=attributes,
    )


def _item(image: Image, labels: list[str], empty: Empty) -> Item:
    known = [one for one in labels if not is_unlabelled(one)]
    marked = mark_negatives(known, empty if len(known) == len(labels) else "unlabelled")
    return Item(path=image.name, **marked, given_split=split_named(image.subset), attributes=image.attributes)
