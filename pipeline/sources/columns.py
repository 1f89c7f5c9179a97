"""What the columns of a table hold, guessed from their names and their first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from pipeline.core.errors import UserError
from pipeline.core.places import EDGE_BYTES, MAX_NAMES, Place, Recognised
from pipeline.sources.items import GIVEN_SPLITS
from pipeline.sources.listing import PICTURE_SUFFIXES, suffix
from pipeline.sources.recognising import pictures_folder
from pipeline.sources.records import Records, first_of_parquet, first_records

WELL_KNOWN = {  # names of columns, the likeliest first
    "image": "image image_path img path image_file file filename file_name file_path filepath picture photo",
    "label": "label labels class classes class_name category categories target tag tags diagnosis dx species",
    "split": "split set subset partition fold phase usage",
    "group": "group group_id patient patient_id subject subject_id case case_id lesion_id module module_id video",
}
SEPARATORS = ("|", ";", ",")
MAX_ROWS = 10_000  # looked at
YES_OR_NO = frozenset(["0", "1", "0.0", "1.0", "true", "false", "yes", "no"])


@final
@dataclass(frozen=True)
class Columns:
    """The first rows of a table by column."""

    values: Mapping[str, list[Any]]

    @classmethod
    def of(cls, records: Records) -> Columns:
        return cls({name: [row[name] for row in records.rows[:MAX_ROWS]] for name in records.columns})

    def texts(self, name: str) -> list[str]:
        """What is told in a column."""
        return [str(value).strip() for value in self.values[name] if value not in (None, "")]

    def named(self, kind: str, among: Collection[str]) -> str | None:
        """The column whose name stands first in the well-known ones of its kind."""
        plain = {re.sub(r"[\s-]+", "_", name.strip().lower()): name for name in reversed([*among])}
        return next((plain[name] for name in WELL_KNOWN[kind].split() if name in plain), None)


def recognised(place: Place, document: str, told: Mapping[str, Any]) -> Iterator[Recognised]:
    """How a table that names pictures would be read; nothing where no column names any, unless a person named it."""
    path = place.root / document
    try:
        if suffix(document) == ".parquet":
            columns = Columns.of(first_of_parquet(path, MAX_ROWS))
        else:
            columns = Columns.of(first_records(path, place.start(document), EDGE_BYTES))
    except UserError as error:
        if place.named:
            yield Recognised(layout=f"a table, {document}", choices={}, confidence=0.8, lacks=str(error))
        return
    choices, notes, lacks = _guessed(place, columns, told)
    if choices["image_column"] is None and not place.named:
        return
    yield Recognised(
        layout=f"a table, {document}",
        choices={"path": str(path), **choices},
        confidence=0.4 if lacks else 0.8,
        notes=notes,
        lacks=lacks,
    )


def _guessed(place: Place, columns: Columns, told: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], str]:
    """Choices, what there is to say about them, and what is still to be told."""
    guesses = {"image_column": _image_column, "split_column": _split_column, "group_column": _group_column}
    chosen: dict[str, Any] = {key: told.get(key) for key in (*guesses, "label_column", "label_columns")}
    for key, guess in guesses.items():
        chosen[key] = chosen[key] or guess(columns, _left(columns, chosen))
    if chosen["image_column"] not in columns.values:
        return chosen, [], f"no column of {[*columns.values]} names picture files; say which with --image-column"
    if not chosen["label_column"]:
        chosen |= _labels(columns, _left(columns, chosen))
    if not (chosen["label_column"] or chosen["label_columns"]):
        return chosen, [], f"none of the columns {_left(columns, chosen)} is surely the label; say --label-column"
    chosen["attribute_columns"] = _left(columns, chosen)
    chosen["label_separator"] = told.get("label_separator") or _separator(columns, chosen["label_column"])
    chosen["pictures"], notes = pictures_folder(place, columns.texts(chosen["image_column"])[:MAX_NAMES], told)
    return chosen, [_said(chosen), *notes], ""


def _left(columns: Columns, chosen: Mapping[str, Any]) -> list[str]:
    """The columns that mean nothing yet."""
    taken = {one for value in chosen.values() for one in (value if isinstance(value, list) else [value])}
    return [name for name in columns.values if name not in taken]


def _said(chosen: Mapping[str, Any]) -> str:
    named = [(key.removesuffix("_column"), name) for key, name in chosen.items() if key.endswith("_column") and name]
    said = [f"{key} from column {name!r}" for key, name in named]
    said += [f"a class for each of the columns {chosen['label_columns']}"] if chosen["label_columns"] else []
    said += [f"{chosen['label_separator']!r} between labels"] if chosen["label_separator"] else []
    return "taken: " + ", ".join(said)


def _image_column(columns: Columns, free: list[str]) -> str | None:
    """The column of which most cells end like a picture; of several one with a well-known name, else the first."""
    fitting = [name for name in free if _name_pictures(columns.texts(name))]
    return columns.named("image", fitting) or next(iter(fitting), None)


def _name_pictures(texts: list[str]) -> bool:
    return 2 * sum(suffix(text) in PICTURE_SUFFIXES for text in texts) > len(texts)


def _split_column(columns: Columns, free: list[str]) -> str | None:
    told = [name for name in free if columns.texts(name)]
    fitting = [name for name in told if all(text.lower() in GIVEN_SPLITS for text in columns.texts(name))]
    return columns.named("split", fitting)


def _group_column(columns: Columns, free: list[str]) -> str | None:
    return columns.named("group", free)


def _labels(columns: Columns, free: list[str]) -> dict[str, Any]:
    """One column with a well-known name, else several of yes and no, else the only one left whose values repeat."""
    texts = {name: told for name in free if not _name_pictures(told := columns.texts(name))}
    flags = [name for name in texts if texts[name] and YES_OR_NO.issuperset(map(str.lower, texts[name]))]
    repeating = [name for name in texts if 2 <= 2 * len(set(texts[name])) <= len(texts[name])]
    known = columns.named("label", texts)
    if known is None and len(flags) >= 2:
        return {"label_columns": flags}
    return {"label_column": known if known or len(repeating) != 1 else repeating[0]}


def _separator(columns: Columns, label: str | None) -> str | None:
    """What stands between labels; most parts of the fields that hold it occur in other fields, unlike `Smith, John`."""
    values = columns.values.get(label, []) if label else []
    texts = [value for value in values if isinstance(value, str)]  # a list needs no separator
    for separator in SEPARATORS:
        parts = [[part.strip() for part in text.split(separator)] for text in set(texts)]
        fields = Counter(part for one in parts for part in set(one))
        several = [part for one in parts if len(one) > 1 for part in one]
        if 2 * sum(fields[part] > 1 for part in several) > len(several):
            return separator
    return None
