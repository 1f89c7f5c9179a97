"""Turns the items of a source into its table: paths stay inside, labels are cleaned, refusals have reasons."""

from __future__ import annotations

import json
import math
import os
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, final

import pandas as pd

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.manifest_schema import ATTRIBUTE

MAX_ATTRIBUTES, MAX_VALUES = 1_000, 200_000_000  # of a source; values of all its pictures together
WINDOWS_ROOT = re.compile(r"[A-Za-z]:[\\/]|[\\/]{2}")  # a drive or a share


Empty = Literal["negative", "unlabelled", "own_label"]
OWN_LABEL = "nothing"


@final
@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture, or one annotation without a picture.

    Attributes:
        path: As in `Source.read`; of a refused item, the name that the source gives it.
        labels: In any order, repeated or not.
        negative: Whether the picture is labelled as showing none of the labels; ignored where it has labels.
        given_split: train, val, test, or None.
        refused: Why ingest must not open it, or None.
        attributes: Name, as the source writes it, to value; None where it is missing.
    """

    path: str
    labels: Collection[str] = ()
    negative: bool = False
    group: str | None = None
    given_split: str | None = None
    refused: ItemRejected | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def mark_negatives(labels: Iterable[str], empty: Empty) -> dict[str, Any]:
    """`labels` and `negative` of the `Item` of an annotated picture.

    Args:
        labels: Of the picture; may be empty.
        empty: How a picture without labels counts: as a `negative` of every label, as `unlabelled`, or labelled
            `nothing`, which makes a class of such pictures (`own_label`).
    """
    found = list(labels)
    if found or empty == "unlabelled":
        return {"labels": found}
    return {"negative": True} if empty == "negative" else {"labels": [OWN_LABEL]}


def relative(root: Path, path: str) -> str:
    """The path as a listing of the root spells it; backslashes count as slashes unless there is such a file.

    Raises:
        ItemRejected: It names no file, is absolute, or leaves the root.
    """
    if "\\" in path and not os.path.lexists(root / path):
        path = path.replace("\\", "/")
    plain = posixpath.normpath(path)
    if path.startswith("/") or WINDOWS_ROOT.match(path) or plain.split("/")[0] == "..":
        raise ItemRejected("outside", "the path is absolute or leaves the source's folder")
    if plain == ".":
        raise ItemRejected("missing", "names no file")
    return plain


def merge(items: Iterable[Item]) -> list[Item]:
    """One item for each path, in the order of first mention; rows of one picture are merged.

    Labels are united. An attribute with different values is dropped, since it describes the row (a box) and not the
    picture. A picture with two splits or two groups is refused.
    """
    together: dict[str, list[Item]] = {}
    for position, item in enumerate(items):
        together.setdefault(item.path or f"\0{position}", []).append(item)
    return [same[0] if len(same) == 1 else _union(same) for same in together.values()]


def _union(items: list[Item]) -> Item:
    refused = next((item.refused for item in items if item.refused), None)
    only: dict[str, str | None] = {}
    for name in ("group", "given_split"):
        values = sorted({getattr(item, name) for item in items} - {None})
        only[name] = values[0] if values else None
        if len(values) > 1 and refused is None:
            detail = f"its rows give it more than one {name.removeprefix('given_')}: {values[0]!r} and {values[1]!r}"
            refused = ItemRejected("bad_annotation", detail)
    names = dict.fromkeys(name for item in items for name in item.attributes)
    attributes = {name: [item.attributes.get(name) for item in items] for name in names}
    return Item(
        path=items[0].path,
        labels={label for item in items for label in item.labels},
        negative=any(item.negative for item in items),
        group=only["group"],
        given_split=only["given_split"],
        refused=refused,
        attributes={name: values[0] for name, values in attributes.items() if all(one == values[0] for one in values)},
    )


def table(items: Iterable[Item]) -> pd.DataFrame:
    """The table that `Source.read` returns; `negative`, `given_split` and `refused` only where an item has one.

    A path that is not UTF-8 cannot be stored in a table: it is written with escapes and refused.
    """
    rows = [_writable(item) for item in items]
    result = pd.DataFrame(
        {
            "path": pd.Series([row.path for row in rows], dtype="str"),
            "labels": pd.Series([label_list(row.labels) for row in rows], dtype=object),
            "group": pd.Series([None if row.group is None else printable(row.group) for row in rows], dtype=object),
        }
    )
    negative = [row.negative and not names for row, names in zip(rows, result["labels"], strict=True)]
    if any(negative):
        result["negative"] = pd.Series(negative, dtype=bool)
    if any(row.given_split for row in rows):
        result["given_split"] = pd.Series([row.given_split for row in rows], dtype=object)
    if any(row.refused for row in rows):
        result["refused"] = pd.Series([row.refused.reason if row.refused else None for row in rows], dtype=object)
        details = [one_line(row.refused.detail) if row.refused else None for row in rows]
        result["detail"] = pd.Series(details, dtype=object)
    names = _attributes(rows)
    for name, column in zip(names, attribute_names(names), strict=True):
        result[column] = attribute_values([row.attributes.get(name) for row in rows])
    return result


def _attributes(rows: list[Item]) -> list[str]:
    """The names of all attributes, sorted.

    Raises:
        UserError: There are too many, as in a document that uses ids as keys.
    """
    found: set[str] = set()
    for row in rows:
        found.update(row.attributes)
        if len(found) > MAX_ATTRIBUTES:
            raise UserError(
                f"the source has more than {MAX_ATTRIBUTES:,} different attributes of pictures, among them "
                f"{', '.join(repr(name[:40]) for name in sorted(found)[:3])}; keep those that describe the pictures"
            )
    if len(found) * len(rows) > MAX_VALUES:
        raise UserError(
            f"the source has {len(found):,} attributes of {len(rows):,} pictures, more than {MAX_VALUES:,} values; "
            "keep those that describe the pictures"
        )
    return sorted(found)


def _writable(item: Item) -> Item:
    path = printable(item.path)
    if path == item.path:
        return item
    return replace(
        item, path=path, refused=item.refused or ItemRejected("bad_name", "the name is not UTF-8; rename the file")
    )


def printable(text: str) -> str:
    """The text with escapes for what UTF-8 cannot encode (bytes of a file name, half a surrogate pair)."""
    return text.encode("utf-8", errors="backslashreplace").decode()


def one_line(text: str) -> str:
    """The text without line breaks and repeated blanks, as `printable` writes it."""
    return " ".join(printable(text).split())


def label_list(labels: Iterable[str]) -> list[str]:
    """The labels sorted, each once, without blanks around them; empty ones are dropped."""
    return sorted({printable(label).strip() for label in labels} - {""})


def attribute_names(names: Iterable[str]) -> list[str]:
    """A column for each name: `attr_` and its letters and digits; equal columns are numbered."""
    columns: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for name in names:
        stem = column = ATTRIBUTE + (re.sub(r"\W+", "_", name).strip("_") or "unnamed")
        number = numbers.get(stem, 1)
        while column in columns:
            number += 1
            column = f"{stem}_{number}"
        numbers[stem] = number
        columns[column] = None
    return list(columns)


def attribute_values(values: list[Any]) -> pd.Series:
    """The values with one type: truth values or numbers where all are, else text; None where missing.

    A number that is not finite counts as missing.
    """
    values = [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return pd.Series(values, dtype=object)
    if known and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        try:
            return pd.Series(values, dtype="float64")
        except OverflowError:  # an integer beyond 1e308
            pass
    return pd.Series([None if value is None else _text(value) for value in values], dtype="str")


def _text(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
