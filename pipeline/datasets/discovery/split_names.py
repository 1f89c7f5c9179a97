"""Recognises names of parts of a split in folders, tables and documents, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

WORDS: Final = {
    "train": ("train", "training", "trn", "tr", "learn", "learning"),
    "val": ("val", "valid", "validate", "validation", "dev", "devel", "development", "eval", "evaluation"),
    "test": ("test", "testing", "tst", "holdout"),
}
SPLIT_OF = {word: split for split, words in WORDS.items() for word in words}
OTHERS = frozenset(
    ["pred", "predict", "prediction", "predictions", "inference", "unseen", "submission", "unlabelled", "unlabeled"]
)
FILLERS = frozenset(  # generic words, which do not distinguish folders
    [
        *("set", "sets", "data", "dataset", "datasets", "sample", "samples", "split", "splits", "subset", "part"),
        *("image", "images", "img", "imgs", "jpg", "jpeg", "png", "picture", "pictures", "photo", "photos"),
        *("file", "files", "dir", "folder", "class", "classes", "imagefolder"),
    ]
)
NO_LABEL = frozenset(["unlabelled", "unlabeled", "nolabel", "nolabels", "notlabelled", "notlabeled"])
WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|\d+")


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, split at other characters than letters, at digits and at inner capitals.

    A compound of a split's name and a filler (`trainset`, `testdata`) counts as two words, and `hold out` as one.
    """
    found: list[str] = []
    for word in WORD.findall(re.sub(r"(?i)hold[\W_]?out", "holdout", name)):
        lower = word.lower()
        head = next((one for one in SPLIT_OF if lower.startswith(one) and lower[len(one) :] in FILLERS), None)
        found += [lower] if head is None or lower in SPLIT_OF else [head, lower[len(head) :]]
    return found


def split_named(name: str) -> str | None:
    """train, val or test where a name has words of exactly one of them; else None."""
    splits = {SPLIT_OF[word] for word in words_of(name) if word in SPLIT_OF}
    return splits.pop() if len(splits) == 1 else None


def part_named(name: str) -> str | None:
    """train, val or test where a name has no other words: `Training`, `test set`; not `test bench`, `train 2`."""
    split = split_named(name)
    return split if all(word in SPLIT_OF or word in FILLERS for word in words_of(name)) else None


def is_unlabelled(name: str) -> bool:
    """Whether the name says that the pictures of a folder have no label."""
    return re.sub(r"[\W_]+", "", name).lower() in NO_LABEL


def is_filler(name: str) -> bool:
    """Whether all words of a name are generic: `images`, `data set`."""
    words = words_of(name)
    return bool(words) and all(word in FILLERS for word in words)


def splits_of(names: Collection[str]) -> dict[str, str | None] | None:
    """Each folder to its part of a split; None unless all folders are parts.

    Folders are parts of one split where their names differ only in the words for it (`seg_train`, `seg_test`; not
    `train station`, `test tube`), in numbers and in generic words. Folders of pictures to predict or without labels may
    be among them; their part is None. Several folders of one part alone (`test 1`, `test 2`) are no split.

    Args:
        names: Of the sub-folders of one folder.
    """
    parts: dict[str, str | None] = {}
    rests = set()
    for name in names:
        words = [word for word in words_of(name) if word not in FILLERS and not word.isdigit()]
        split = split_named(name)
        if is_unlabelled(name):
            parts[name] = None
            continue
        if split is None and not OTHERS & set(words):
            return None
        parts[name] = split
        rests.add(tuple(word for word in words if word not in SPLIT_OF and word not in OTHERS))
    named = [split for split in parts.values() if split is not None]
    return parts if len(rests) == 1 and named and (len(named) == 1 or len(set(named)) > 1) else None
