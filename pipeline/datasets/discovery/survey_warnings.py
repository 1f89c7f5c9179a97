"""What looks odd in a source before the first run, and what helps."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core.errors import name_some

if TYPE_CHECKING:
    from pipeline.datasets.discovery.survey import HeaderSample, SourceSummary

FEW, MOST = 10, 0.95  # samples of a label, and its share of the labelled ones; fewer or more are reported
NUM_EXAMPLES = 5


def warnings_for(found: SourceSummary, sample: HeaderSample) -> Iterator[str]:
    """The warnings before the first run, one line each."""
    noun = sample.noun
    yield from _odd_labels(found, noun)
    yield from _odd_splits(found, noun)
    for reason, number in found.refused.items():
        if reason == "no_row":
            yield f"left out, {_words(reason, noun)}: {number:,}"
            continue
        more = f"; {_cut_prefix(found)}" if reason == "outside" and found.absolute else ""
        yield f"refused, {_words(reason, noun)}: {number:,} of {found.num_items:,} items{more}"
    reasons = Counter(refused.reason for _, refused in sample.refused)
    for reason, number in reasons.most_common():
        first = next(f"{path!r}: {one.detail}" for path, one in sample.refused if one.reason == reason)
        yield f"refused, {_words(reason, noun)}: {number:,} of {sample.num:,} files looked at; the first is {first}"
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
        return f"the source names no {sample.noun}"
    first = next((f", the first is {path!r}: {one.detail}" for path, one in sample.refused if one.reason == reason), "")
    words, helps = _words(reason, sample.noun), WHAT_HELPS.get(reason, "").replace("picture", sample.noun)
    helps = _cut_prefix(found) if reason == "outside" and found.absolute else helps
    return f"{words} ({number:,} of {total:,}{first}){helps and '; '}{helps}"


def _cut_prefix(found: SourceSummary) -> str:
    """What to do about absolute paths outside the folder of the pictures."""
    prefix = f"{found.absolute.rstrip('/')}/"
    return f"{found.num_absolute:,} begin with {prefix!r}: cut that from them, or name that folder with --pictures"


def _words(reason: str, noun: str) -> str:
    return REASON_IN_WORDS.get(reason, reason).replace("picture", noun)


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
    "not_a_clip": "files that are no clips in spite of their names",
    "no_frames": "folders without frames",
    "bad_name": "names that are not UTF-8",
}


def _odd_labels(found: SourceSummary, noun: str) -> Iterator[str]:
    num_labelled = found.num_pictures - found.num_unlabelled
    if few := [label for label, number in found.labels.items() if number < FEW]:
        yield f"fewer than {FEW} {noun}s each: {name_some(few[::-1], NUM_EXAMPLES)}"
    for label, number in found.labels.items():
        if number == num_labelled:
            yield f"every labelled {noun} has {label!r}, so this label distinguishes no {noun}s"
        elif number > MOST * num_labelled:
            yield f"{number:,} of {num_labelled:,} labelled {noun}s have {label!r}, so its absence is rare"
    alike = defaultdict(list)
    for label in found.labels:
        composed = unicodedata.normalize("NFKC", label)  # a Mac's disk stores an accent as a letter of its own
        alike[re.sub(r"[\W_]+", "", composed).casefold() or label].append(label)
    for same in alike.values():
        if len(same) > 1:
            yield f"almost the same spelling, perhaps one label: {name_some(same, NUM_EXAMPLES)}"
    if found.num_several:
        yield f"{noun}s with several labels: {found.num_several:,}"
    if found.num_negative:
        yield (
            f"{noun}s that show none of the labels, negatives of a multi-label task: {found.num_negative:,}; "
            "--empty own_label makes a class of them, --empty unlabelled leaves them out"
        )
    if found.num_unlabelled and found.labels:
        yield f"{noun}s without a label, which take no part in a training for labels: {found.num_unlabelled:,}"


def _odd_splits(found: SourceSummary, noun: str) -> Iterator[str]:
    if found.splits and sum(found.splits.values()) < found.num_pictures:
        yield f"{noun}s in none of the given splits: {found.num_pictures - sum(found.splits.values()):,}"
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
