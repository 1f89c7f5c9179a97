"""A summary of a source before any sample is decoded."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, final

from pipeline.core.errors import ItemRejected
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.sample_codec import noun_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.core.contracts import Source
    from pipeline.core.sample_codec import FileSet, SampleCodec

MAX_SAMPLED, MAX_BYTES = 1000, 256 * 1024**2
MAX_DECODED = 50
DEPTHS = {"clip": "frames", "volume": "slices"}
TINY = 64  # pixels: pictures whose longer side is at most this are decoded, to see whether they have colours


@final
@dataclass(frozen=True, kw_only=True)
class SourceSummary:
    """Counts of the rows of a source.

    Attributes:
        num_items: All items of the source.
        refused: Reason to the number of items that the source refuses; the other counts exclude them.
        labels: Label to the number of its pictures, the most frequent first.
        splits: Given split to the number of its pictures; empty where the source gives none.
        labels_of: Given split to labels to number of pictures.
        num_negative: Pictures that are labelled as showing none of the labels.
        num_unlabelled: Pictures without a label that are no negatives.
        num_several: Pictures with more than one label.
        num_groups: Groups that must stay together; 0 where the source gives none.
        num_absolute: Refused items with an absolute path.
        absolute: The deepest folder that holds those; empty where there is none.
    """

    num_items: int
    refused: dict[str, int]
    labels: dict[str, int]
    splits: dict[str, int]
    labels_of: dict[str, dict[str, int]]
    num_negative: int
    num_unlabelled: int
    num_several: int
    num_groups: int
    num_absolute: int = 0
    absolute: str = ""

    @property
    def num_pictures(self) -> int:
        return self.num_items - sum(self.refused.values())

    @property
    def task(self) -> str:
        """`multi_label` where a picture shows several labels, or is known to show none; `clusters` without labels."""
        labelled = "multi_label" if self.num_several or self.num_negative else "single_label"
        return labelled if self.labels or not self.num_unlabelled else "clusters"

    @property
    def split(self) -> str:
        """`given` where the source has labelled pictures in train and test; else `grouped`."""
        return "given" if self.labels_of.get("train") and self.labels_of.get("test") else "grouped"


@final
@dataclass(frozen=True, kw_only=True)
class HeaderSample:
    """A sample of the pictures, of which only the headers were read.

    Attributes:
        sizes: (width, height) of readable samples, in pixels.
        refused: Path and rejection of the others.
        num_turned: Pictures that are stored turned, as EXIF says.
        is_grey: Whether the pictures are tiny and none of the first ones has a colour; larger ones are not decoded.
        depths: Frames or slices of each readable sample, 0 where only decoding tells; empty of pictures.
        media: Of all of them.
    """

    sizes: Sequence[tuple[int, int]]
    refused: Sequence[tuple[str, ItemRejected]]
    num_turned: int = 0
    is_grey: bool = False
    depths: Sequence[int] = ()
    media: str = "image"

    @property
    def num(self) -> int:
        return len(self.sizes) + len(self.refused)

    @property
    def shorter_side(self) -> float | None:
        """Median length of the shorter side, in pixels; None without readable pictures."""
        return median(min(one) for one in self.sizes) if self.sizes else None

    @property
    def aspect(self) -> float:
        """Median of the longer side divided by the shorter one, at least 1; 1 without readable pictures."""
        return median(max(one) / min(one) for one in self.sizes) if self.sizes else 1.0

    @property
    def size_text(self) -> str:
        """The commonest sizes with their numbers, and how many others there are."""
        common = Counter(self.sizes).most_common(3)
        others = len(set(self.sizes)) - len(common)
        shown = ", ".join(f"{width} x {height} ({number:,})" for (width, height), number in common)
        sizes = f"{shown}, and {others:,} other sizes" if others else shown
        known = [one for one in self.depths if one]
        return f"{sizes}; of {min(known):,} to {max(known):,} {DEPTHS[self.media]}" if known else sizes

    @property
    def noun(self) -> str:
        """What a person calls a sample."""
        return noun_of(self.media)

    @property
    def depth(self) -> float | None:
        """Median number of frames or slices; None of pictures, and where only decoding tells it."""
        known = [one for one in self.depths if one]
        return median(known) if known else None


def summarise_source(rows: pd.DataFrame) -> SourceSummary:
    """The counts of the rows that `Source.read` returned."""
    refused = rows["refused"].tolist() if "refused" in rows else [None] * len(rows)
    given = rows["given_split"].tolist() if "given_split" in rows else [None] * len(rows)
    accepted = [one is None or one != one for one in refused]
    labels: Counter[str] = Counter()
    labels_of: dict[str, Counter[str]] = defaultdict(Counter)
    for names, split, counts in zip(rows["labels"], given, accepted, strict=True):
        if counts:
            labels.update(names)
            if split in SPLITS and names:
                labels_of[split].update(names)
    negative = rows["negative"].tolist() if "negative" in rows else [False] * len(rows)
    num_negative = sum(one and counts for one, counts in zip(negative, accepted, strict=True))
    lengths = Counter(min(len(names), 2) for names, counts in zip(rows["labels"], accepted, strict=True) if counts)
    splits = Counter(split for split, counts in zip(given, accepted, strict=True) if counts and split in SPLITS)
    return SourceSummary(
        num_items=len(rows),
        refused=dict(Counter(one for one, counts in zip(refused, accepted, strict=True) if not counts).most_common()),
        labels=dict(sorted(labels.items(), key=lambda entry: (-entry[1], entry[0]))),
        splits={name: splits[name] for name in SPLITS if splits[name]},
        labels_of={name: dict(labels_of[name]) for name in SPLITS if name in labels_of},
        num_negative=num_negative,
        num_unlabelled=lengths[0] - num_negative,
        num_several=lengths[2],
        num_groups=int(rows["group"].nunique()),
        num_absolute=len(absolute := _absolute_folders(rows["path"], refused)),
        absolute=os.path.commonpath(absolute) if absolute and len({one[:1] for one in absolute}) == 1 else "",
    )


def _absolute_folders(paths: Iterable[str], refused: Iterable[str | None]) -> list[str]:
    """The folders of the items outside that have an absolute path, with slashes; a Windows drive counts as a folder."""
    outside = [path.replace("\\", "/") for path, reason in zip(paths, refused, strict=True) if reason == "outside"]
    return [path.rpartition("/")[0] or "/" for path in outside if path.startswith("/") or path[1:3] == ":/"]


def sample_headers(source: Source, rows: pd.DataFrame, codec: SampleCodec) -> HeaderSample:
    """The headers of at most 1,000 samples, evenly over the rows, and of at most 256 MiB of files."""
    paths = rows["path"][rows["refused"].isna()] if "refused" in rows else rows["path"]
    number = min(len(paths), MAX_SAMPLED)
    headers, refused, budget = [], [], MAX_BYTES
    tiny: list[bytes | np.ndarray | FileSet] = []
    for position in range(number):
        path = str(paths.iloc[position * len(paths) // number])
        try:
            data = source.open(path)
            budget -= len(data) if isinstance(data, bytes) else data.nbytes
            headers.append(codec.header(data))
            if max(headers[-1][:2]) <= TINY and len(tiny) < MAX_DECODED:
                tiny.append(data)
        except ItemRejected as one:
            refused.append((path, one))
        if budget < 0:
            break
    return HeaderSample(
        sizes=[(one.width, one.height) for one in headers],
        refused=refused,
        depths=[one.depth for one in headers] if codec.media != "image" else [],
        media=codec.media,
        num_turned=sum(one.is_turned for one in headers),
        is_grey=bool(tiny)
        and len(tiny) == min(len(headers), MAX_DECODED)
        and all(_is_grey(codec, one) for one in tiny),
    )


def _is_grey(codec: SampleCodec, data: bytes | np.ndarray | FileSet) -> bool:
    """Whether a tiny sample has no colour, however it is stored."""
    try:
        pixels = codec.show(codec.decode(data))
    except ItemRejected:
        return False
    return pixels.ndim == 2 or bool((pixels == pixels[..., :1]).all())
