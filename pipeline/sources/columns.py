"""What the columns of a table hold, found in their first rows; where these leave a choice, by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

from pipeline.core.errors import UserError
from pipeline.core.places import EDGE_BYTES, MAX_NAMES, Place, Recognised, look
from pipeline.sources.cells import LISTS, as_text
from pipeline.sources.dialects import is_encoding, name_pictures
from pipeline.sources.items import GIVEN_SPLITS
from pipeline.sources.label_columns import find_labels, find_other_names, find_separator
from pipeline.sources.listing import PICTURE_SUFFIXES, suffix
from pipeline.sources.recognising import pictures_folder
from pipeline.sources.records import Form, Records, first_of_parquet, first_records, read_records
from pipeline.sources.resolver import Resolver

WELL_KNOWN = {  # names of columns, the likeliest first
    "image": "image image_path img path image_file file filename file_name file_path filepath image_id image_name "
    "img_path picture photo id",
    "split": "split set subset partition fold phase usage",
    "group": "group group_id patient patient_id subject subject_id case case_id lesion_id module module_id video",
}
MAX_ROWS = 10_000  # looked at
MAX_WHOLE_BYTES = 64 * 1024**2  # of a table that is read whole to find the folder of its pictures


@final
@dataclass(frozen=True)
class Columns:
    """The first rows of a table by column."""

    values: Mapping[str, list[Any]]

    @classmethod
    def of(cls, records: Records) -> Columns:
        return cls({name: [row.get(name) for row in records.rows[:MAX_ROWS]] for name in records.columns})

    def texts(self, name: str) -> list[str]:
        """What is told in a column."""
        return [str(value).strip() for value in self.values[name] if value not in (None, "")]

    def known(self, kind: str, among: Collection[str]) -> str | None:
        """The column whose name stands first in the well-known ones of its kind."""
        plain = {plain_name(name): name for name in reversed([*among])}
        return next((plain[name] for name in WELL_KNOWN[kind].split() if name in plain), None)


def plain_name(name: str) -> str:
    """A column's name in lower case, its words parted by `_`: `ClassId` is class_id."""
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()


def recognised(place: Place, document: str, told: Mapping[str, Any]) -> Iterator[Recognised]:
    """How a table that names pictures would be read; nothing where no column names any, unless a person named it."""
    path = place.root / document
    form = Form(**{key: told[key] for key in ("delimiter", "header", "encoding") if key in told})
    try:
        if form.encoding and not is_encoding(form.encoding):
            raise UserError(f"--encoding {form.encoding!r} is none that Python knows; expected one such as cp1252")
        if suffix(document) == ".parquet":
            records = first_of_parquet(path, MAX_ROWS)
        else:
            records = first_records(path, place.start(document), EDGE_BYTES, form)
    except UserError as error:
        if place.named:
            yield Recognised(layout=f"a table, {document}", choices={}, confidence=0.8, lacks=str(error))
        return
    choices, notes, lacks = _choose(place, Columns.of(records), told, partial(_all_names, records, form))
    if choices["image_column"] is None and not place.named:
        return
    yield Recognised(
        layout=f"a table, {document}",
        choices={"path": str(path), **choices},
        confidence=0.4 if lacks else 0.8,
        notes=[*notes, *_first_line(records)],
        lacks=lacks,
    )


def _all_names(records: Records, form: Form, image: str) -> list[str] | None:
    """What the whole table calls its pictures; None where it is too large to be read for that, or damaged."""
    size = records.path.stat().st_size
    if size >= EDGE_BYTES or len(records.rows) >= MAX_ROWS:
        if size > MAX_WHOLE_BYTES:
            return None
        try:
            records = read_records(records.path, form)
        except UserError:
            return None
    return [text.strip() for row in records.rows if (text := as_text(row.get(image))) is not None]


def _choose(
    place: Place, columns: Columns, told: Mapping[str, Any], all_names: Callable[[str], list[str] | None]
) -> tuple[dict[str, Any], list[str], str]:
    """Choices, what there is to say about them, and what is still to be told."""
    files = _Files(place, told)
    image = told.get("image_column") or files.column(columns)
    chosen: dict[str, Any] = {"image_column": image}
    chosen |= {key: told.get(key) for key in ("split_column", "group_column", "label_column", "label_columns")}
    if image not in columns.values:
        return chosen, [], f"no column of {_some(columns.values)} names picture files; say which with --image-column"
    assert image is not None
    chosen["split_column"] = chosen["split_column"] or _split_column(columns, _left(columns, chosen))
    chosen["group_column"] = chosen["group_column"] or columns.known("group", _left(columns, chosen))
    free = _left(columns, chosen)
    if not chosen["label_column"]:
        texts = {name: columns.texts(name) for name in free}
        chosen |= find_labels({name: found for name, found in texts.items() if not name_pictures(found)})
    if not (chosen["label_column"] or chosen["label_columns"]):
        return chosen, [], f"none of the columns {_some(free)} is surely the label; say --label-column"
    values = columns.values.get(chosen["label_column"], [])
    chosen["label_separator"] = told["label_separator"] if "label_separator" in told else find_separator(values)
    meant = files.meant(columns.texts(image))
    attributes, other_names, notes = _attributes(columns, chosen, _left(columns, chosen), meant)
    chosen |= {"attribute_columns": attributes, **({"of_label_columns": other_names} if other_names else {})}
    chosen["pictures"], found = files.folder(columns.texts(image), meant, told, partial(all_names, image))
    return chosen, [_said(chosen), *notes, *found], ""


def _first_line(records: Records) -> Iterator[str]:
    if records.columns[:1] == ["column_1"]:
        yield "its first line is read as a row, not as names of columns; --header yes says else"


def _some(names: Collection[str]) -> str:
    shown = [*names][:20]
    return f"{shown}" if len(shown) == len(names) else f"{shown} and {len(names) - len(shown):,} more"


def _left(columns: Columns, chosen: Mapping[str, Any]) -> list[str]:
    """The columns that mean nothing yet."""
    taken = {one for value in chosen.values() for one in (value if isinstance(value, list) else [value])}
    return [name for name in columns.values if name not in taken]


def _said(chosen: Mapping[str, Any]) -> str:
    named = [(key.removesuffix("_column"), name) for key, name in chosen.items() if key.endswith("_column") and name]
    said = [f"{key} from column {name!r}" for key, name in named]
    said += [f"a class for each of the columns {chosen['label_columns']}"] if chosen["label_columns"] else []
    separator = chosen["label_separator"]
    said += (
        ["labels as lists in brackets" if separator == LISTS else f"{separator!r} between labels"] if separator else []
    )
    return "taken: " + ", ".join(said)


def _split_column(columns: Columns, free: list[str]) -> str | None:
    """A column in which nothing but names of splits stands; of several one with a well-known name."""
    values = {name: {text.lower() for text in columns.texts(name)} for name in free}
    fitting = [name for name in free if values[name] and values[name] <= GIVEN_SPLITS.keys()]
    several = [name for name in fitting if len(values[name]) > 1]
    return columns.known("split", fitting) or (several[0] if len(several) == 1 else None)


def _attributes(
    columns: Columns, chosen: Mapping[str, Any], free: list[str], meant: Mapping[str, str]
) -> tuple[list[str], list[str], list[str]]:
    """The columns kept as attributes, those that tell of the label itself, and what there is to say about both."""
    notes = []
    pictures = [meant.get(str(value).strip(), value) for value in columns.values[chosen["image_column"]]]
    num_rows, num_pictures = len(pictures), len({*map(str, pictures)})
    if num_pictures < num_rows:
        differing = [name for name in free if _differs(columns.values[name], pictures)]
        free = [name for name in free if name not in differing]
        out = f", the columns {_some(differing)}, of which each has its own, are left out" if differing else ""
        notes.append(f"{num_rows:,} rows name {num_pictures:,} pictures: labels of one picture are united{out}")
    numbers = [name for name in free if _counts_rows(columns.texts(name), num_rows)]
    if numbers:
        notes.append(f"left out as numbers of rows: {_some(numbers)}")
    free = [name for name in free if name not in numbers]
    label = chosen["label_column"]
    other_names, said = find_other_names(columns.values, label, free) if label else ([], [])
    return [name for name in free if name not in other_names], other_names, [*notes, *said]


def _differs(values: list[Any], pictures: list[Any]) -> bool:
    """Whether most pictures of several rows have several values."""
    by_picture: dict[str, list[str]] = {}
    for value, picture in zip(values, pictures, strict=True):
        by_picture.setdefault(str(picture), []).append(str(value))
    several = [found for found in by_picture.values() if len(found) > 1]
    return 2 * sum(len(set(found)) > 1 for found in several) > len(several)


def _counts_rows(texts: list[str], num_rows: int) -> bool:
    """Whether a column only numbers the rows, as the index that pandas writes."""
    first = texts[0] if texts else ""
    return (
        len(texts) == num_rows > 1
        and first in ("0", "1")
        and texts == [str(number) for number in range(int(first), int(first) + num_rows)]
    )


@final
class _Files:
    """The files that a table's names may mean: those of a place, or of the folder that a person told."""

    def __init__(self, place: Place, told: Mapping[str, Any]):
        self.place = place
        if "pictures" in told:
            try:
                self.place = look(Path(told["pictures"]))
            except UserError:
                self.place = Place(root=place.root, files=())
        self.resolver = Resolver(self.place.files, self.place.root)

    def meant(self, names: Collection[str]) -> dict[str, str]:
        """Each name to the picture it means, where it means one."""
        found = self.resolver.find_all(dict.fromkeys(names).keys())
        return {name: one for name, one in found.items() if isinstance(one, str) and suffix(one) in PICTURE_SUFFIXES}

    def column(self, columns: Columns) -> str | None:
        """The column whose names lead to the most pictures, else one whose names end like those of pictures."""
        counts = {}
        for name in columns.values:
            texts = [*dict.fromkeys(columns.texts(name))]
            looked = texts[:: max(1, len(texts) // MAX_NAMES)][:MAX_NAMES]
            found = {*self.meant(looked).values()}
            if 2 * len(found) >= len(looked) > 0:
                counts[name] = len(found)
        fitting = [name for name in counts if counts[name] == max(counts.values())]
        if not fitting:
            fitting = [name for name in columns.values if name_pictures(columns.texts(name))]
        return columns.known("image", fitting) or next(iter(fitting), None)

    def folder(
        self,
        names: list[str],
        meant: Mapping[str, str],
        told: Mapping[str, Any],
        all_names: Callable[[], list[str] | None],
    ) -> tuple[str, list[str]]:
        """The folder of the pictures, and what there is to say about it: one that holds all pictures of the table.

        It is the one that the paths in the table are relative to, where that holds them all, else the narrowest.
        """
        exact = self.place.containing(names[:MAX_NAMES])
        if "pictures" in told or not meant:
            return pictures_folder(self.place, names[:MAX_NAMES], told)
        if _shared_folder(meant.values()):
            whole = all_names()
            if whole is None:
                return self.place.at(exact or ""), []
            meant = self.meant(whole)
        shared = _shared_folder(meant.values())
        inside = exact is not None and f"{shared}/".startswith(f"{exact}/" if exact else "")
        return self.place.at((exact or "") if inside else shared), []


def _shared_folder(files: Iterable[str]) -> str:
    """The deepest folder that holds all files; empty for the root."""
    shared, *others = [file.split("/")[:-1] for file in files]
    for one in others:
        while one[: len(shared)] != shared:
            shared.pop()
    return "/".join(shared)
