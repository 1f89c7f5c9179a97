"""Which names of files are samples, and of which media."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pipeline.clips import formats as clips
from pipeline.images.formats import OTHER_SUFFIXES, SUFFIXES
from pipeline.volumes import formats as volumes

PICTURE_SUFFIXES = SUFFIXES | OTHER_SUFFIXES  # also of formats that are not read: those are refused with a reason
CLIP_SUFFIXES, VOLUME_SUFFIXES = clips.SUFFIXES, volumes.SUFFIXES
FILM_SUFFIXES = CLIP_SUFFIXES - PICTURE_SUFFIXES  # GIF and WebP are pictures as well
SAMPLE_SUFFIXES = PICTURE_SUFFIXES | CLIP_SUFFIXES | VOLUME_SUFFIXES
READ_SUFFIXES = {"image": SUFFIXES, "clip": CLIP_SUFFIXES, "volume": VOLUME_SUFFIXES}  # by media
COMPRESSED = tuple(one for one in sorted(VOLUME_SUFFIXES) if one.count(".") > 1)  # such as .nii.gz
LEADING = ("image", "clip", "volume")  # of media with as many names the first one


def suffix(path: str) -> str:
    """The ending of a path's last part, in lower case and with the dot; `.nii.gz` counts as one."""
    name = path.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    if not (dot and stem and ending):
        return ""
    both = next((one for one in COMPRESSED if name.lower().endswith(one) and len(name) > len(one)), "")
    return both or f".{ending.lower()}"


def media_named(path: str) -> str | None:
    """The media that the ending of a file's name means; None where it means none. GIF and WebP are pictures here."""
    ending = suffix(path)
    if ending in FILM_SUFFIXES:
        return "clip"
    if ending in VOLUME_SUFFIXES:
        return "volume"
    return "image" if ending in PICTURE_SUFFIXES else None


def media_of(names: Iterable[str], files: Iterable[str] = ()) -> str:
    """The media of most names that end in one; where none does, of most files; `image` where that says nothing."""
    for paths in (names, files):
        counts = Counter(media for path in paths if (media := media_named(path)) is not None)
        if counts:
            return min(counts, key=lambda media: (-counts[media], LEADING.index(media)))
    return LEADING[0]


def samples_suffixes(media: str) -> frozenset[str]:
    """The endings by which files count as samples of a media, also of pictures that are refused with a reason."""
    return PICTURE_SUFFIXES if media == "image" else READ_SUFFIXES[media]
