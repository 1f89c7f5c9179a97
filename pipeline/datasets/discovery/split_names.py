"""Which names are those of a part of a split, however folders, tables and documents spell them."""

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
FILLERS = frozenset(  # tell nothing about what a folder holds beside others
    [
        *("set", "sets", "data", "dataset", "datasets", "sample", "samples", "split", "splits", "subset", "part"),
        *("image", "images", "img", "imgs", "jpg", "jpeg", "png", "picture", "pictures", "photo", "photos"),
        *("file", "files", "dir", "folder", "class", "classes", "imagefolder"),
    ]
)
NO_LABEL = frozenset(["unlabelled", "unlabeled", "nolabel", "nolabels", "notlabelled", "notlabeled"])
WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|\d+")


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, parted by anything but letters, by digits and by inner capitals.

    A word that a split's name and a filler make together (`trainset`, `testdata`) are two, and `hold out` is one.
    """
    found: list[str] = []
    for word in WORD.findall(re.sub(r"(?i)hold[\W_]?out", "holdout", name)):
        lower = word.lower()
        head = next((one for one in SPLIT_OF if lower.startswith(one) and lower[len(one) :] in FILLERS), None)
        found += [lower] if head is None or lower in SPLIT_OF else [head, lower[len(head) :]]
    return found


def split_named(name: str) -> str | None:
    """train, val or test where a name has words of just one of them; None for any other name."""
    splits = {SPLIT_OF[word] for word in words_of(name) if word in SPLIT_OF}
    return splits.pop() if len(splits) == 1 else None


def part_named(name: str) -> str | None:
    """train, val or test where a name says nothing else: `Training`, `test set`; not `test bench`, `train 2`."""
    split = split_named(name)
    return split if all(word in SPLIT_OF or word in FILLERS for word in words_of(name)) else None


def is_unlabelled(name: str) -> bool:
    """Whether a folder is called so because its pictures have no label."""
    return re.sub(r"[\W_]+", "", name).lower() in NO_LABEL


def tells_nothing(name: str) -> bool:
    """Whether a name is of words that say no more than that there are pictures: `images`, `data set`."""
    words = words_of(name)
    return bool(words) and all(word in FILLERS for word in words)


def splits_of(names: Collection[str]) -> dict[str, str | None] | None:
    """The part of a split that each folder is; None unless all are one.

    Folders are parts of one split where their names differ in the words for it alone (`seg_train`, `seg_test`; not
    `train station`, `test tube`), beside numbers and words that tell nothing. What is only to be predicted, or has no
    labels, may stand beside them, and is of no part. Several parts of one name (`test 1`, `test 2`) alone are none.

    Args:
        names: Of folders that stand in one place.
    """
    found: dict[str, str | None] = {}
    rests = set()
    for name in names:
        words = [word for word in words_of(name) if word not in FILLERS and not word.isdigit()]
        split = split_named(name)
        if is_unlabelled(name):
            found[name] = None
            continue
        if split is None and not OTHERS & set(words):
            return None
        found[name] = split
        rests.add(tuple(word for word in words if word not in SPLIT_OF and word not in OTHERS))
    named = [split for split in found.values() if split is not None]
    return found if len(rests) == 1 and named and (len(named) == 1 or len(set(named)) > 1) else None
