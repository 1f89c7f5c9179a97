"""Finds the label columns of a table, the separator of several labels in a field, and other names of the label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from pipeline.core.labels import is_list
from pipeline.datasets.tables.cells import LISTS, as_text, split_labels

LABEL_NAMES = (  # of columns, the most likely first
    *("label", "labels", "class", "classes", "class_name", "category", "categories", "target", "tag", "tags"),
    *("diagnosis", "dx", "species", "breed", "class_label", "label_name", "category_name"),
)
LABEL_WORDS = frozenset(  # a tag or a family may be that of an animal or a patient
    [
        *("label", "labels", "class", "classes", "category", "categories", "target", "diagnosis", "dx", "species"),
        *("breed", "genus", "taxon", "scientific", "latin", "common", "synonym", "wnid"),
        *("supercategory", "superclass", "subclass"),
    ]
)
SMALL_WORDS = frozenset(
    [
        *("id", "ids", "code", "codes", "name", "names", "number", "num", "no", "nr", "idx", "index", "key"),
        *("short", "long", "full", "of", "the", "en"),
    ]
)
SURE = ("|", ";", ",")
UNSURE = (" ", "/", "+", "&")  # are also parts of names
YES_OR_NO = frozenset(["0", "1", "0.0", "1.0", "true", "false", "yes", "no"])
MIN_REPEATED = 0.9  # of the parts must be in other fields too, for an unsure separator


def words(name: str) -> list[str]:
    """The words of a name or a value, in lower case: `ClassId` has two."""
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def find_labels(texts: Mapping[str, list[str]]) -> dict[str, Any]:
    """`label_column` or `label_columns`, as far as they are certain; None where they are not.

    Values of a label repeat. Among such columns, one with a well-known name is the label; else several columns of yes
    and no are; else the only column, or the only one that has other texts than numbers.

    Args:
        texts: The texts of each column that may be the label.
    """
    flags = [name for name in texts if texts[name] and YES_OR_NO.issuperset(map(str.lower, texts[name]))]
    repeating = [name for name in texts if 2 <= 2 * len(set(texts[name])) <= len(texts[name])]
    plain = {"_".join(words(name)): name for name in reversed([*texts])}
    known = [plain[name] for name in LABEL_NAMES if name in plain]
    known = [name for name in known if name in repeating] or known
    if known:
        return {"label_column": known[0]}
    if len(flags) >= 2:
        return {"label_columns": flags}
    several = [name for name in repeating if len(set(texts[name])) > 1]
    named = [name for name in several if not all(re.fullmatch(r"[-+]?[\d.,]+", text) for text in texts[name])]
    fitting = several if len(several) == 1 else named
    return {"label_column": fitting[0] if len(fitting) == 1 else None}


def find_separator(values: Collection[Any]) -> str | None:
    """The separator of the labels of a field; None where there is none.

    Most parts between separators occur in other fields too, unlike those of `Smith, John`. Blanks, slashes, + and & are
    also parts of names: such a character is a separator only where nearly all parts occur in several fields, there are
    fewer parts than fields, and some field is another one without one part: `red` and `red round`. A grid such as red
    car, blue car, red bus, blue bus has no separator.
    """
    texts = [value for value in values if isinstance(value, str) and value.strip()]  # a list needs no separator
    if texts and 2 * sum(map(is_list, texts)) > len(texts):
        return LISTS
    distinct = set(texts)
    for separator in (*SURE, *UNSURE):
        parts = [[part.strip() for part in split_labels(text, separator)] for text in distinct]
        fields = Counter(part for one in parts for part in set(one))
        several = [part for one in parts if len(one) > 1 for part in one]
        share = sum(fields[part] > 1 for part in several) / max(len(several), 1)
        if share > 0.5 and separator in SURE:
            return separator
        if share >= MIN_REPEATED and len(fields) < len(distinct) and _is_nested(parts):
            return separator
    return None


def _is_nested(parts: list[list[str]]) -> bool:
    known = {frozenset(one) for one in parts}
    return any(frozenset(one) - {part} in known for one in parts if len(one) > 1 for part in one)


def find_other_names(values: Mapping[str, list[Any]], label: str, free: Collection[str]) -> tuple[list[str], list[str]]:
    """The columns that are other names of the label (its number, its Latin name, its group), and notes about them.

    Each value of such a column occurs with one label, or each label with one value. That is also true of a camera that
    took all pictures of one class, which checks must find. So one more sign is needed: all words of the column's name
    are words of labels (`class_id`, `scientific_name`), or its values are the labels in another spelling (one for each,
    unlike the animals dog_1 and dog_2), or its name is a label (`cat` with 0 and 1). Other columns stay attributes.

    Args:
        values: Of each column, row by row.
        label: The column of the label.
        free: The candidate columns.
    """
    labels = [as_text(value) for value in values[label]]
    spelt = {"".join(words(text)) for text in labels if text}
    own = LABEL_WORDS | {*words(label)}
    found: list[str] = []
    doubtful: list[str] = []
    for name in free:
        pairs = {(a, b) for a, b in zip(labels, map(as_text, values[name]), strict=True) if a and b}
        if not _goes_with(pairs, len(labels)):
            continue
        content = [word for word in words(name) if not word.isdigit() and word not in SMALL_WORDS]
        by_name = bool(content) and own.issuperset(content)
        by_values = len({b for _, b in pairs}) <= len({a for a, _ in pairs}) and all(_same(a, b) for a, b in pairs)
        by_class = "".join(words(name)) in spelt and YES_OR_NO.issuperset(b.lower() for _, b in pairs)
        (found if by_name or by_values or by_class else doubtful).append(name)
    notes = [f"taken for other names of the label, which no check uses: {', '.join(map(repr, found))}"] if found else []
    if doubtful:
        notes.append(
            f"determined by the label, or the label by it: {', '.join(map(repr, doubtful))}; if that is another name "
            "of the label and no shortcut, move it to of_label_columns"
        )
    return found, notes


def _goes_with(pairs: set[tuple[str, str]], num_rows: int) -> bool:
    """Whether each value occurs with one label, or each label with one value, and values repeat."""
    of_label, of_value = defaultdict(set), defaultdict(set)
    for one, other in pairs:
        of_label[one].add(other)
        of_value[other].add(one)
    if len(of_label) < 2 or not 2 <= len(of_value) <= num_rows / 2:
        return False
    return all(len(one) == 1 for one in of_value.values()) or all(len(one) == 1 for one in of_label.values())


def _same(label: str, value: str) -> bool:
    """Whether two texts have the same letters, numbers apart: `n02099601-golden_retriever` and Golden Retriever."""
    first, second = ("".join(word for word in words(text) if not word.isdigit()) for text in (label, value))
    return bool(first) and second in (first, f"n{first}")
