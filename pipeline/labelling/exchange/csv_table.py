"""A data set as a CSV table with a row for each sample, of typed cells that no spreadsheet computes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.artifacts import write_text
from pipeline.core.delimited_text import join_rows
from pipeline.core.errors import UserError
from pipeline.datasets.tables import typed_cells
from pipeline.datasets.tables.records import MAX_COLUMNS

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject
    from pipeline.labelling.exchange.content import ExchangedSample, ExchangedSet

DOCUMENT = "labels.csv"


def write(content: ExchangedSet, folder: Path) -> JsonObject:
    """Writes the table; the options of the source that reads it.

    One label per sample is a column of its own. Where a sample has several, or shows none of the classes, each class
    has a column of 0 and 1, empty for samples without a label.

    Raises:
        UserError: There are too many columns.
    """
    columns = {name: content.free_name(name) for name in ("image", "label", "split", "group")}
    present = [name for name, has_it in (("split", content.has_splits), ("group", content.has_groups)) if has_it]
    classes = [typed_cells.write_text(name) for name in content.classes] if content.has_several else []
    labels = classes or [columns["label"]]
    header = [columns["image"], *labels, *(columns[name] for name in present), *content.attributes]
    if len(header) > MAX_COLUMNS:
        raise UserError(f"the table would have {len(header):,} columns, and {MAX_COLUMNS:,} are read; use coco")
    rows = (_row(one, content, present) for one in content.samples)
    write_text(folder / DOCUMENT, join_rows([header, *rows]))
    return {
        "_target_": "pipeline.datasets.sources.table.Table",
        "path": DOCUMENT,
        "image_column": columns["image"],
        "label_column": None if classes else columns["label"],
        "label_separator": None if classes else "",
        "label_columns": classes or None,
        "group_column": columns["group"] if content.has_groups else None,
        "split_column": columns["split"] if content.has_splits else None,
        "attribute_columns": content.attributes,
        "empty": "negative",
        "delimiter": ",",
        "header": True,
        "encoding": "utf-8",
        "typed": True,
    }


def _row(sample: ExchangedSample, content: ExchangedSet, present: list[str]) -> list[str]:
    places = {"split": sample.split, "group": sample.group}
    return [
        typed_cells.write_text(sample.path),
        *_labels(sample, content),
        *(typed_cells.write_text(places[name] or "") for name in present),
        *(
            typed_cells.write_cell(sample.attributes[name]) if name in sample.attributes else ""
            for name in content.attributes
        ),
    ]


def _labels(sample: ExchangedSample, content: ExchangedSet) -> Iterator[str]:
    if not content.has_several:
        yield typed_cells.write_text(sample.labels[0]) if sample.labels else ""
        return
    for name in content.classes:
        yield str(int(name in sample.labels)) if sample.is_labelled else ""
