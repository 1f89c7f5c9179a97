"""Infers the meaning of the columns of a table from their first rows, then from their names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.errors import UserError
from pipeline.datasets.discovery.file_listing import EDGE_BYTES, FileListing, FormatMatch
from pipeline.datasets.discovery.format_clues import one_or_each, split_documents
from pipeline.datasets.discovery.sample_suffixes import suffix
from pipeline.datasets.discovery.split_names import part_named
from pipeline.datasets.tables.cells import LISTS
from pipeline.datasets.tables.dialects import is_encoding, name_pictures
from pipeline.datasets.tables.label_columns import find_labels, find_other_names, find_separator
from pipeline.datasets.tables.picture_columns import MAX_ROWS, Columns, Files, pictures_of
from pipeline.datasets.tables.records import Form, Records, first_of_parquet, first_records

MISSING = frozenset(["NA", "N/A", "n/a", "NaN", "nan", "None", "null", "NULL", "<NA>", "#N/A"])
MAX_PARTS = 10  # values of a column that may be a split


def detect_columns(place: FileListing, documents: Sequence[str], options: Mapping[str, Any]) -> Iterator[FormatMatch]:
    """How tables that name pictures would be read; those of the parts of a split with equal columns are one data set.

    A table without a column that names pictures is skipped, unless a person named the file.
    """
    form = Form(**{key: options[key] for key in ("delimiter", "header", "encoding") if key in options})
    tables: dict[str, Records] = {}
    for document in documents:
        try:
            tables[document] = _first(place, document, form)
        except UserError as error:
            if place.named:
                yield FormatMatch(layout=f"a table, {document}", choices={}, confidence=0.8, missing=str(error))
    for parts in split_documents(tables) if "split_column" not in options else ():
        alike = len({frozenset(tables[document].columns) for document in parts.values()}) == 1
        if alike and (way := _way(place, parts, tables, options, form)):
            yield way
            tables = {document: one for document, one in tables.items() if document not in parts.values()}
    for document in tables:
        if way := _way(place, {None: document}, tables, options, form):
            yield way


def _first(place: FileListing, document: str, form: Form) -> Records:
    """The first rows of a table."""
    if form.encoding and not is_encoding(form.encoding):
        raise UserError(
            f"--encoding {form.encoding!r} is not an encoding that Python knows; expected for example cp1252"
        )
    if suffix(document) == ".parquet":
        return first_of_parquet(place.root / document, MAX_ROWS)
    return first_records(place.root / document, place.head(document), EDGE_BYTES, form)


def _way(
    place: FileListing, parts: Mapping[Any, str], tables: Mapping[str, Records], options: Mapping[str, Any], form: Form
) -> FormatMatch | None:
    """How one table (of the part None), or those of the parts of a split, would be read."""
    choices, notes, lacks = _choose(place, parts, tables, options, form)
    if choices["image_column"] is None and not place.named:
        return None
    paths = {split: place.at(document) for split, document in parts.items()}
    return FormatMatch(
        layout=f"{'a table' if None in paths else 'tables'}, {', '.join(parts.values())}",
        choices={"path": paths.get(None, paths), **choices},
        confidence=0.4 if lacks else 0.8,
        notes=[*notes, *dict.fromkeys(line for one in parts.values() for line in _first_line(tables[one]))],
        missing=lacks,
    )


def _choose(
    place: FileListing, parts: Mapping[Any, str], tables: Mapping[str, Records], options: Mapping[str, Any], form: Form
) -> tuple[dict[str, Any], list[str], str]:
    """The choices, notes about them, and what a person must still set."""
    columns = Columns.of(*(tables[document] for document in parts.values()))
    files = Files(place, options)
    image = options.get("image_column") or files.column(columns)
    chosen: dict[str, Any] = {"image_column": image}
    chosen |= {key: options.get(key) for key in ("split_column", "group_column", "label_column", "label_columns")}
    if image not in columns.values:
        return chosen, [], f"no column of {_some(columns.values)} names picture files; give it with --image-column"
    assert image is not None
    if absent := _absent(columns, chosen):
        return chosen, [], absent
    chosen["split_column"] = chosen["split_column"] or _split_column(columns, _unused_columns(columns, chosen))
    chosen["group_column"] = chosen["group_column"] or columns.find_known("group", _unused_columns(columns, chosen))
    free = _unused_columns(columns, chosen)
    unused = [chosen["split_column"]] if None not in parts and chosen["split_column"] else []
    chosen["split_column"] = None if unused else chosen["split_column"]
    if not chosen["label_column"]:
        texts = {name: columns.texts(name) for name in free}
        chosen |= find_labels({name: found for name, found in texts.items() if not name_pictures(found)})
    if not (chosen["label_column"] or chosen["label_columns"]):
        return chosen, [], f"none of the columns {_some(free)} is certainly the label; give it with --label-column"
    values = columns.values.get(chosen["label_column"], [])
    remarks = [*_like_missing(columns, chosen["label_column"]), *_unread_split(columns, chosen, free)]
    chosen["label_separator"] = options["label_separator"] if "label_separator" in options else find_separator(values)
    folders, pictures, found = pictures_of(files, image, parts, tables, options, form)
    others = _unused_columns(columns, chosen)
    attributes, other_names, notes = _attributes(columns, chosen, [name for name in free if name in others], pictures)
    chosen |= {"attribute_columns": attributes, **({"of_label_columns": other_names} if other_names else {})}
    chosen["pictures"] = one_or_each(folders)
    notes += [f"left out, as each table is a part of the split: column {unused[0]!r}"] if unused else []
    return chosen, [_describe_choice(chosen), *remarks, *notes, *found], ""


def _first_line(records: Records) -> Iterator[str]:
    if records.columns[:1] == ["column_1"]:
        yield "its first line is read as a row, not as names of columns; --header yes changes that"


def _some(names: Collection[str]) -> str:
    shown = [*names][:20]
    return f"{shown}" if len(shown) == len(names) else f"{shown} and {len(names) - len(shown):,} more"


def _unused_columns(columns: Columns, chosen: Mapping[str, Any]) -> list[str]:
    """The columns without a role so far."""
    taken = {one for value in chosen.values() for one in (value if isinstance(value, list) else [value])}
    return [name for name in columns.values if name not in taken]


def _describe_choice(chosen: Mapping[str, Any]) -> str:
    named = [(key.removesuffix("_column"), name) for key, name in chosen.items() if key.endswith("_column") and name]
    roles = [f"{key} from column {name!r}" for key, name in named]
    roles += [f"a class for each of the columns {chosen['label_columns']}"] if chosen["label_columns"] else []
    separator = chosen["label_separator"]
    roles += (
        ["labels as lists in brackets" if separator == LISTS else f"{separator!r} between labels"] if separator else []
    )
    return "taken: " + ", ".join(roles)


def _split_column(columns: Columns, free: list[str]) -> str | None:
    """A column that holds nothing but names of splits; of several one with a well-known name."""
    values = {name: {part_named(text) for text in {*columns.texts(name)}} for name in free}
    fitting = [name for name in free if values[name] and None not in values[name]]
    several = [name for name in fitting if len(values[name]) > 1]
    return columns.find_known("split", fitting) or (several[0] if len(several) == 1 else None)


def _absent(columns: Columns, chosen: Mapping[str, Any]) -> str:
    """The message where a person named a column that does not exist; else empty."""
    for key, value in chosen.items():
        for name in value if isinstance(value, list) else [value]:
            if name is not None and name not in columns.values:
                option = key.replace("_", "-")
                return f"there is no column {name!r}, only {_some(columns.values)}; give another with --{option}"
    return ""


def _like_missing(columns: Columns, label: str | None) -> list[str]:
    """A note where labels look like the mark of a missing value."""
    found = sorted({*columns.texts(label)} & MISSING) if label else []
    if not found:
        return []
    return [
        f"the labels {found} look like missing values and are classes; missing: {found} in the file makes them missing"
    ]


def _unread_split(columns: Columns, chosen: Mapping[str, Any], free: list[str]) -> list[str]:
    """A note where a column is named like a split, has few values, and some of them name no part."""
    name = None if chosen["split_column"] else columns.find_known("split", free)
    values = sorted({*columns.texts(name)}) if name else []
    unknown = [value for value in values if part_named(value) is None]
    if not 1 < len(values) <= MAX_PARTS or len(unknown) == len(values):
        return []
    return [
        f"column {name!r} looks like a split, but {unknown} name neither train, val nor test; it is not used as a split"
    ]


def _attributes(
    columns: Columns, chosen: Mapping[str, Any], free: list[str], pictures: list[str]
) -> tuple[list[str], list[str], list[str]]:
    """The columns that are attributes, those that are other names of the label, and notes about both."""
    notes = []
    num_rows, num_pictures = len(pictures), len({*pictures})
    if num_pictures < num_rows:
        differing = [name for name in free if _differs(columns.values[name], pictures)]
        free = [name for name in free if name not in differing]
        out = f", the columns {_some(differing)}, which differ between them, are left out" if differing else ""
        notes.append(f"{num_rows:,} rows name {num_pictures:,} pictures: labels of one picture are united{out}")
    numbers = [name for name in free if _counts_rows(columns.texts(name), columns.lengths)]
    if numbers:
        notes.append(f"left out as row numbers: {_some(numbers)}")
    free = [name for name in free if name not in numbers]
    label = chosen["label_column"]
    other_names, remarks = find_other_names(columns.values, label, free) if label else ([], [])
    return [name for name in free if name not in other_names], other_names, [*notes, *remarks]


def _differs(values: list[Any], pictures: list[str]) -> bool:
    """Whether most pictures that have several rows have several values."""
    by_picture: dict[str, list[str]] = {}
    for value, picture in zip(values, pictures, strict=True):
        by_picture.setdefault(picture, []).append(str(value))
    several = [found for found in by_picture.values() if len(found) > 1]
    return 2 * sum(len(set(found)) > 1 for found in several) > len(several)


def _counts_rows(texts: list[str], lengths: Sequence[int]) -> bool:
    """Whether a column only numbers the rows of each table, like the index that pandas writes."""
    first = texts[0] if texts else ""
    if len(texts) < 2 or first not in ("0", "1"):
        return False
    return texts == [str(int(first) + number) for length in lengths for number in range(length)]
