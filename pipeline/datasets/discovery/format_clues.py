"""Helpers to recognise formats: strings from the first and last bytes of JSON, and the folder of the pictures."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core.manifest_schema import SPLITS
from pipeline.datasets.discovery.file_listing import MAX_NAMES, FileListing, FormatMatch
from pipeline.datasets.discovery.sample_finder import SampleFinder
from pipeline.datasets.discovery.split_names import SPLIT_OF, split_named, words_of

JSON_STRING = rb'"((?:[^"\\]|\\.){1,4096})"'


def starts_with(data: bytes, bracket: bytes) -> bool:
    """Whether JSON text starts with this bracket, after a byte order mark and blanks."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(bracket)


def strings(data: bytes, key: str | None = None) -> Iterator[str]:
    """The strings in a piece of JSON text, or those that are values of a key."""
    pattern = JSON_STRING if key is None else rb'"' + re.escape(key.encode()) + rb'"\s*:\s*' + JSON_STRING
    for match in re.finditer(pattern, data):
        try:
            yield str(json.loads(b'"' + match[1] + b'"'))
        except ValueError:  # not UTF-8, or cut off
            continue


def part_of(document: str) -> str | None:
    """The part of a split that the name of a document, or of its folder, says; else None."""
    folder, _, name = document.rpartition("/")
    return split_named(name.rpartition(".")[0]) or split_named(folder.rpartition("/")[2])


def split_documents(documents: Collection[str]) -> Iterator[dict[str, str]]:
    """Groups of documents that are the parts of one split (`part_of`).

    Args:
        documents: POSIX paths.

    Returns:
        train, val and test to their document, at least two of them. Documents whose names differ in more than the
        words for the part (`splits_of`), or two documents of one part, are different data sets.
    """
    rests: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for document in documents:
        split = part_of(document)
        if split is not None:
            named = " ".join(document.rpartition(".")[0].split("/")[-2:])
            rest = tuple(word for word in words_of(named) if word not in SPLIT_OF and not word.isdigit())
            rests.setdefault(rest, {}).setdefault(split, []).append(document)
    for parts in rests.values():
        if len(parts) > 1 and all(len(same) == 1 for same in parts.values()):
            yield {split: parts[split][0] for split in SPLITS if split in parts}


def one_or_each(folders: Mapping[Any, str]) -> str | dict[Any, str]:
    """The folder of the pictures of all parts of a split, or one folder for each part where they are separate."""
    different = {*folders.values()}
    if len(different) == 1 or any(a != b and Path(a).is_relative_to(b) for a in different for b in different):
        return os.path.commonpath(different)
    return dict(folders)


def folder_of(place: FileListing, paths: Collection[str], document: str) -> str | None:
    """The folder that the paths in a document are relative to; None where no folder of the place holds any of them.

    It is the folder of the document where that holds them all; among folders with as many of them, one that is named
    like the part of the document goes first.
    """
    own, part = document.rpartition("/")[0], part_of(document)
    if own and paths and all(place.has(f"{own}/{one}") for one in islice(paths, MAX_NAMES)):
        return own
    return place.common_parent(paths, lambda folder: part is not None and part in map(split_named, folder.split("/")))


def pictures_folder(
    place: FileListing, paths: Collection[str], options: Mapping[str, Any], document: str = ""
) -> tuple[str, list[str]]:
    """The folder that paths in a document are relative to, and notes about it.

    Args:
        place: Of the document.
        paths: Some paths that it names.
        options: Choices that a person made; `pictures` is the folder.
        document: Its path in the place.
    """
    if "pictures" in options:
        return str(options["pictures"]), []
    folder = folder_of(place, paths, document)
    if folder is None and SampleFinder(place.files, place.root).find_all([*islice(paths, MAX_NAMES)]):
        return str(place.root), []
    if folder is None:
        return str(place.root), [
            "none of the pictures that it names was found; give their folder with --pictures FOLDER"
        ]
    return place.at(folder), []


def match_documents(
    kind: str, place: FileListing, names: Mapping[str, Collection[str]], options: Mapping[str, Any]
) -> Iterator[FormatMatch]:
    """How documents of one format would be read; the parts of a split are one data set.

    Args:
        kind: Name of the format, for messages.
        place: Of the documents.
        names: Each document to names of pictures in it.
        options: Choices that a person made.
    """
    found = {document: pictures_folder(place, paths, options, document) for document, paths in names.items()}
    together: list[dict[Any, str]] = [*split_documents(found)]
    in_parts = {document for parts in together for document in parts.values()}
    for parts in [*together, *({None: document} for document in found if document not in in_parts)]:
        paths = {split: place.at(document) for split, document in parts.items()}
        pictures = one_or_each({split: found[document][0] for split, document in parts.items()})
        yield FormatMatch(
            layout=f"{kind}, {', '.join(parts.values())}",
            choices={"path": paths.get(None, paths), "pictures": pictures},
            confidence=1,
            notes=[note for document in parts.values() for note in found[document][1]],
        )
