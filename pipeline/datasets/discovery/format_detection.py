"""Chooses the source that reads a place: each one tries to recognise it, and the highest confidence wins."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.nouns import import_target
from pipeline.datasets.discovery.file_listing import FileListing, FormatMatch, list_obstacles
from pipeline.datasets.discovery.format_detector import FormatDetector

SURE = 0.8  # a place recognised with this confidence is not searched for data sets within it
MAX_SHOWN = 10  # ways to read it
MAX_FOLDERS = 50  # of a place, searched for data sets
EXPECTED = (
    "one folder per class, or pictures with a table, COCO, VOC, CVAT, Darwin or Label Studio file that labels them"
)


def detect_format(
    place: FileListing, targets: list[str], options: Mapping[str, Any], format: str | None
) -> tuple[str, FormatMatch]:
    """The most likely way to read a place, with the dotted path of its source.

    Raises:
        UserError: There is none, several are equally likely, or something must be corrected or set first.
    """
    sources = {target: import_target(target, "source", "source") for target in targets}
    sources = {target: source for target, source in sources.items() if issubclass(source, FormatDetector)}
    if format is not None:
        named = {target.split(".")[-2]: target for target in sources}
        if format not in named:
            raise UserError(
                f"--format {format!r} is not a format that init can recognise; expected one of {sorted(named)}"
            )
        sources = {named[format]: sources[named[format]]}
    else:
        sources = {target: source for target, source in sources.items() if not source.only_by_name}
    ways = _ways(place, sources, options)
    best = [way for way in ways if way[1].confidence == ways[0][1].confidence]
    if not ways or best[0][1].confidence < SURE:
        parts = _better_parts(place, sources, best[0][1].confidence if ways else 0)
        if len(parts) == 1 and not ways:
            (folder, layout), *_ = parts.items()
            target, way = detect_format(place.below(folder), targets, options, format)
            note = f"only its folder {folder!r} is in a known format ({layout}) and read"
            return target, replace(way, notes=[note, *way.notes])
        if parts:
            raise UserError(_describe_several(place, parts))
    if not ways:
        raise UserError(_describe_unknown(place))
    if len(best) > 1:
        fitting = "; ".join(f"{target.split('.')[-2]} ({way.layout})" for target, way in best[:MAX_SHOWN])
        raise UserError(
            f"{str(place.root)!r} can be read in {len(best)} ways: {fitting}; name the file in place of the folder, or "
            "choose with --format"
        )
    target, way = best[0]
    if way.missing:
        raise UserError(f"{str(place.root)!r} holds {way.layout}, but {way.missing}")
    others = [f"{one.split('.')[-2]} ({other.layout})" for one, other in ways[1:MAX_SHOWN]]
    if others:
        note = f"it could also be read as {'; '.join(others)}: name that file, or choose with --format"
        way = replace(way, notes=[*way.notes, note])
    return target, way


def _ways(place: FileListing, sources: Mapping[str, Any], options: Mapping[str, Any]) -> list[tuple[str, FormatMatch]]:
    ways = [(target, way) for target, source in sources.items() for way in source.recognise(place, options)]
    return sorted(ways, key=lambda way: -way[1].confidence)


def _better_parts(place: FileListing, sources: Mapping[str, Any], confidence: float) -> dict[str, str]:
    """The sub-folders that are recognised with more confidence than the folder itself, with their layout."""
    if place.named:
        return {}
    parts = {folder: _ways(place.below(folder), sources, {}) for folder in [*place.folders][:MAX_FOLDERS]}
    return {folder: ways[0][1].layout for folder, ways in parts.items() if ways and ways[0][1].confidence > confidence}


def _describe_several(place: FileListing, parts: Mapping[str, str]) -> str:
    """The error for a folder of data sets."""
    shown = "; ".join(f"{folder} ({layout})" for folder, layout in parts.items())
    first = shlex.quote(str(place.root / next(iter(parts))))
    return f"{str(place.root)!r} holds several data sets: {shown}; name one of them, for example colibri init {first}"


def _describe_unknown(place: FileListing) -> str:
    """The error for a place in no known format: what it holds, and what is expected."""
    kinds = Counter(Path(path).suffix.lower() or "no ending" for path in place.files)
    shown = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common(5))
    types = [(guess_type(path)[0] or "") for path in (place.files if place.named is None else [place.named])]
    where = repr(str(place.root / (place.named or "")))
    if all(one.startswith("image/") for one in types):
        if place.named:
            return f"{where} is a single picture; name the folder that holds all; expected {EXPECTED}"
        obstacles = "".join(f"; {one}" for one in list_obstacles(place.listing))
        unlabelled = "to group pictures without labels, add --format unlabelled"
        found = f"{where} holds {len(types):,} pictures and nothing that labels them{obstacles}"
        return f"{found}; expected {EXPECTED}; {unlabelled}"
    if all(re.search(r"zip|tar|gzip|7z|rar", one) for one in types):
        if place.named:
            return f"{where} is no zip or tar, or a damaged one; unpack it and name the folder"
        first = shlex.quote(str(place.root / place.files[0]))
        return f"{where} holds archives alone; name one, for example colibri init {first}, or unpack them"
    if place.named:
        return f"{where} is a file that no source reads; expected {EXPECTED}"
    return f"{where} holds {len(place.files):,} files ({shown}) in no known layout; expected {EXPECTED}"
