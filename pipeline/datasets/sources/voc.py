"""A Pascal VOC folder: the labels of a picture are the names of the objects on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, final

import pandas as pd

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.safe_files import read_bytes
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch
from pipeline.datasets.discovery.folder_contents import files_below, match_files
from pipeline.datasets.discovery.format_detector import FormatDetector
from pipeline.datasets.discovery.sample_suffixes import PICTURE_SUFFIXES, suffix
from pipeline.datasets.discovery.split_names import split_named
from pipeline.datasets.sources.documents import read_text
from pipeline.datasets.sources.file_source import FileSource
from pipeline.datasets.sources.items import Empty, Item, mark_negatives, table

MAX_XML_BYTES = 16 * 1024 * 1024
SHOWS, LACKS = ("1", "+1", "0"), ("-1",)  # of a picture in the list of a class; 0: only difficult objects of it
LISTS = {"trainval": "train", "train": "train", "val": "val", "test": "test"}  # train and val go before trainval


@final
@dataclass(frozen=True, kw_only=True)
class Voc(FileSource, FormatDetector):
    """Annotations/x.xml labels JPEGImages/x.jpg; ImageSets/Main/train.txt and the like give the split.

    The picture of an annotation is the one of the same name, else the one that its `filename` names. Objects marked
    difficult count too. A picture whose annotation has no object shows none of the labels. A picture without annotation
    gets its labels from the lists of classes (ImageSets/Main/cat_train.txt, with 1, 0 or -1 after each name); one with
    -1 in the lists of all classes shows none, and one in no list is unlabelled. Without other lists, those of the
    classes give the split. XML that is damaged or declares a document type (whose entities can fill the memory or read
    other files) is refused (`bad_annotation`).

    Args:
        name: Of the data set, in MLflow and on the page.
        path: The folder that holds Annotations and JPEGImages.
        watch: What DVC hashes to notice a change; the same folder.
        empty: How a picture counts whose annotation has no object: `negative`, labelled as showing none of the labels;
            `unlabelled`; or `own_label`, labelled `nothing`.

    Source: Everingham et al. 2010, doi:10.1007/s11263-009-0275-4.
    """

    locations: ClassVar[tuple[str, ...]] = ("path", "watch")

    name: str
    path: str
    watch: str | list[str]
    empty: Empty = "negative"

    def read(self) -> pd.DataFrame:
        of_class = _of_class(self.root)
        for part in ("JPEGImages",) if of_class.classes else ("Annotations", "JPEGImages"):
            if not (self.root / part).is_dir():
                raise UserError(f"source.path {self.path!r} has no folder {part}; expected a Pascal VOC folder")
        pictures = [path for path in files_below(self.root, "JPEGImages") if suffix(path) in PICTURE_SUFFIXES]
        listed = files_below(self.root, "Annotations") if (self.root / "Annotations").is_dir() else []
        annotations = [path for path in listed if suffix(path) == ".xml"]
        given = _read_splits(self.root) or of_class.given
        items = match_files(self.root, pictures, list(self._read_annotations(annotations, pictures, given)))
        named, stems = {item.path for item in items}, {_stem(path) for path in [*annotations, *pictures]}
        others = [(path, _stem(path)) for path in pictures if path not in named]
        others += [(f"JPEGImages/{stem}.jpg", stem) for stem in given if stem not in stems]
        items += [
            Item(path=path, given_split=given.get(stem), **of_class.labels(stem, self.empty)) for path, stem in others
        ]
        if not items:
            raise UserError(f"source.path {self.path!r} holds neither annotations nor pictures")
        return table(match_files(self.root, pictures, items))

    def _read_annotations(
        self, annotations: list[str], pictures: list[str], given: Mapping[str, str]
    ) -> Iterator[Item]:
        """The picture of each annotation."""
        by_stem = {_stem(picture): picture for picture in reversed(pictures)}
        for annotation in annotations:
            stem = _stem(annotation)
            try:
                labels, filename = _objects(read_bytes(self.root, annotation))
            except ItemRejected as refused:
                path = by_stem.get(stem, f"JPEGImages/{stem}.jpg")
                yield Item(path=path, refused=ItemRejected("bad_annotation", f"{annotation}: {refused.detail}"))
                continue
            path = by_stem.get(stem) or f"JPEGImages/{filename or f'{stem}.jpg'}"
            yield Item(path=path, **mark_negatives(labels, self.empty), given_split=given.get(stem))

    @property
    def root(self) -> Path:
        return Path(self.path)

    @classmethod
    def recognise(cls, place: FileListing, options: Mapping[str, Any]) -> Iterator[FormatMatch]:
        annotations = [path for path in place.files if path.startswith("Annotations/") and suffix(path) == ".xml"]
        of_class = _of_class(place.root) if not place.named and "ImageSets" in place.folders else OfClass()
        if (annotations or of_class.classes) and not place.named:
            lacks = (
                "" if "JPEGImages" in place.folders else "the folder JPEGImages is not there; put the pictures into it"
            )
            lists = " and lists in ImageSets/Main" if (place.root / "ImageSets/Main").is_dir() else ""
            found = (
                f"{len(annotations):,} XML files in Annotations"
                if annotations
                else f"{len(of_class.classes):,} classes"
            )
            layout = f"Pascal VOC, {found}{lists}"
            yield FormatMatch(layout=layout, choices={"path": str(place.root)}, confidence=1, missing=lacks)


def _stem(path: str) -> str:
    """The name that an annotation, its picture and the lists share: the path below the first folder, no extension."""
    return PurePosixPath(*PurePosixPath(path).parts[1:]).with_suffix("").as_posix()


def _objects(data: bytes) -> tuple[list[str], str | None]:
    """The names of the objects, and the file name in the annotation.

    Raises:
        ItemRejected: It is no valid or no safe XML, or an object has no name.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if len(data) > MAX_XML_BYTES:
        raise ItemRejected("bad_annotation", f"{len(data)} bytes, at most {MAX_XML_BYTES} are read")
    try:
        annotation = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise ItemRejected("bad_annotation", "unsafe XML: it declares a document type or entities") from None
    except (ParseError, ValueError, LookupError) as error:
        raise ItemRejected("bad_annotation", f"not valid XML ({error})") from None
    names = [(one.findtext("name") or "").strip() for one in annotation.iterfind("object")]
    if not all(names):
        raise ItemRejected("bad_annotation", "an object without a name")
    return names, (annotation.findtext("filename") or "").strip() or None


@final
@dataclass(frozen=True)
class OfClass:
    """The lists of classes: class to the stems that show it, class to those that lack it, and stem to its split."""

    shows: dict[str, set[str]] = field(default_factory=dict)
    lacks: dict[str, set[str]] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> list[str]:
        return sorted(self.shows)

    def labels(self, stem: str, empty: Empty) -> dict[str, Any]:
        """`labels` and `negative` of the `Item` of a picture without annotation."""
        names = [name for name in self.classes if stem in self.shows[name]]
        shows_none = bool(self.classes) and all(stem in self.lacks[name] for name in self.classes)
        return mark_negatives(names, empty if shows_none else "unlabelled")


def _of_class(root: Path) -> OfClass:
    """The lists named after a class and a part (`cat_train.txt`), whose lines are a name and 1, 0 or -1."""
    found = OfClass()
    folder = root / "ImageSets/Main"
    for path in sorted(folder.glob("*_*.txt")) if folder.is_dir() else ():
        name, _, part = path.stem.rpartition("_")
        rows = [line.rsplit(maxsplit=1) for line in read_text(path).split("\n") if line.strip()]
        if not name or not rows or not all(len(row) == 2 and row[1] in SHOWS + LACKS for row in rows):
            continue
        for stem, value in rows:
            stems = found.shows if value in SHOWS else found.lacks
            stems.setdefault(name, set()).add(stem.strip())
            split = LISTS.get(part) or split_named(part)
            if split and (part != "trainval" or stem not in found.given):
                found.given[stem.strip()] = split
        for stems in (found.shows, found.lacks):
            stems.setdefault(name, set())
    return found


def _read_splits(root: Path) -> dict[str, str]:
    """Stem to the split that ImageSets/Main gives it; train and val go before trainval.

    Raises:
        UserError: A list is not text, or a picture is in two splits.
    """
    given: dict[str, str] = {}
    origin: dict[str, str] = {}
    for name, split in LISTS.items():
        path = root / "ImageSets/Main" / f"{name}.txt"
        if not path.is_file():
            continue
        for stem in filter(None, map(str.strip, read_text(path).split("\n"))):
            before = origin.get(stem, name)
            if before != name and (before != "trainval" or name == "test"):
                raise UserError(f"{path}: {stem!r} is in {before}.txt too; remove it from one of them")
            given[stem], origin[stem] = split, name
    return given
