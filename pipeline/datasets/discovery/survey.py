"""A summary of a source before any picture is decoded, with warnings about what looks odd."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, final

from pipeline.core.errors import ItemRejected, name_some
from pipeline.core.manifest_schema import SPLITS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.core.contracts import Source
    from pipeline.core.sample_codec import FileSet, SampleCodec

MAX_SAMPLED, MAX_BYTES = 1000, 256 * 1024**2
FEW, MOST = 10, 0.95  # pictures of a label, and its share of the labelled ones; fewer or more are reported
NUM_EXAMPLES, MAX_DECODED = 5, 50
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
        sizes: (width, height) of readable pictures, in pixels.
        refused: Path and rejection of the others.
        num_turned: Pictures that are stored turned, as EXIF says.
        is_grey: Whether the pictures are tiny and none of the first ones has a colour; larger ones are not decoded.
    """

    sizes: Sequence[tuple[int, int]]
    refused: Sequence[tuple[str, ItemRejected]]
    num_turned: int = 0
    is_grey: bool = False

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
        return f"{shown}, and {others:,} other sizes" if others else shown


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


def warnings_for(found: SourceSummary, sample: HeaderSample) -> Iterator[str]:
    """The warnings before the first run, one line each."""
    yield from _odd_labels(found)
    yield from _odd_splits(found)
    for reason, number in found.refused.items():
        if reason == "no_row":
            yield f"left out, {REASON_IN_WORDS[reason]}: {number:,}"
            continue
        more = f"; {_cut_prefix(found)}" if reason == "outside" and found.absolute else ""
        yield f"refused, {REASON_IN_WORDS.get(reason, reason)}: {number:,} of {found.num_items:,} items{more}"
    reasons = Counter(refused.reason for _, refused in sample.refused)
    for reason, number in reasons.most_common():
        first = next(f"{path!r}: {one.detail}" for path, one in sample.refused if one.reason == reason)
        words = REASON_IN_WORDS.get(reason, reason)
        yield f"refused, {words}: {number:,} of {sample.num:,} files looked at; the first is {first}"
    if sample.num_turned:
        yield f"stored turned by the camera, read upright: {sample.num_turned:,} of {sample.num:,} files looked at"
    sides = [max(one) for one in sample.sizes]
    if sides and max(sides) > 4 * min(sides):
        yield f"the sizes differ much: longer sides from {min(sides)} to {max(sides)} pixels"


def find_obstacle(found: SourceSummary, sample: HeaderSample) -> str:
    """The most frequent reason why no picture could be read, with its count, an example and advice."""
    number, total = 0, 0
    if sample.refused:
        reason, number = Counter(refused.reason for _, refused in sample.refused).most_common(1)[0]
        total = sample.num
    elif found.refused:
        reason, number = next(iter(found.refused.items()))
        total = found.num_items
    if not number:
        return "the source names no picture"
    first = next((f", the first is {path!r}: {one.detail}" for path, one in sample.refused if one.reason == reason), "")
    words, helps = REASON_IN_WORDS.get(reason, reason), WHAT_HELPS.get(reason, "")
    helps = _cut_prefix(found) if reason == "outside" and found.absolute else helps
    return f"{words} ({number:,} of {total:,}{first}){helps and '; '}{helps}"


def _cut_prefix(found: SourceSummary) -> str:
    """What to do about absolute paths outside the folder of the pictures."""
    prefix = f"{found.absolute.rstrip('/')}/"
    return f"{found.num_absolute:,} begin with {prefix!r}: cut that from them, or name that folder with --pictures"


WHAT_HELPS = {
    "missing": "put the pictures there, name their folder with --pictures, or mount the disk that links lead to",
    "unreadable": "correct their permissions (chmod -R u+rX FOLDER)",
    "outside": "write their paths relative to the folder that holds them, and name that folder with --pictures",
    "empty": "copy or download them again",
    "not_a_picture": "name the folder that holds pictures",
    "no_row": "name them in the table or document, or choose another way to read the folder with --format",
}
REASON_IN_WORDS = {
    "missing": "named by an annotation or a link, but missing",
    "unsupported": "pictures of a format that is not read",
    "too_large": "too large",
    "ambiguous": "names that may mean several files",
    "no_row": "pictures that no annotation names",
    "empty": "empty files",
    "not_a_picture": "files that are no pictures in spite of their names",
    "truncated": "damaged pictures",
    "unreadable": "files that cannot be opened",
    "outside": "paths that leave the source's folder",
    "bad_annotation": "damaged annotations",
    "bad_name": "names that are not UTF-8",
}


def _odd_labels(found: SourceSummary) -> Iterator[str]:
    num_labelled = found.num_pictures - found.num_unlabelled
    if few := [label for label, number in found.labels.items() if number < FEW]:
        yield f"fewer than {FEW} pictures each: {name_some(few[::-1], NUM_EXAMPLES)}"
    for label, number in found.labels.items():
        if number == num_labelled:
            yield f"every labelled picture has {label!r}, so this label distinguishes no pictures"
        elif number > MOST * num_labelled:
            yield f"{number:,} of {num_labelled:,} labelled pictures have {label!r}, so its absence is rare"
    alike = defaultdict(list)
    for label in found.labels:
        composed = unicodedata.normalize("NFKC", label)  # a Mac's disk stores an accent as a letter of its own
        alike[re.sub(r"[\W_]+", "", composed).casefold() or label].append(label)
    for same in alike.values():
        if len(same) > 1:
            yield f"almost the same spelling, perhaps one label: {name_some(same, NUM_EXAMPLES)}"
    if found.num_several:
        yield f"pictures with several labels: {found.num_several:,}"
    if found.num_negative:
        yield (
            f"pictures that show none of the labels, negatives of a multi-label task: {found.num_negative:,}; "
            "--empty own_label makes a class of them, --empty unlabelled leaves them out"
        )
    if found.num_unlabelled and found.labels:
        yield f"pictures without a label, which take no part in a training for labels: {found.num_unlabelled:,}"


def _odd_splits(found: SourceSummary) -> Iterator[str]:
    if found.splits and sum(found.splits.values()) < found.num_pictures:
        yield f"pictures in none of the given splits: {found.num_pictures - sum(found.splits.values()):,}"
    splits_with = {
        label: [name for name, counts in found.labels_of.items() if label in counts] for label in found.labels
    }
    for name in found.labels_of:
        only = [label for label, splits in splits_with.items() if splits == [name]]
        if only and len(found.labels_of) > 1:
            yield f"only {name} has {name_some(only, NUM_EXAMPLES)}"
        lacking = [label for label, splits in splits_with.items() if len(splits) > 1 and name not in splits]
        if lacking:
            yield f"{name} lacks {name_some(lacking, NUM_EXAMPLES)}"
