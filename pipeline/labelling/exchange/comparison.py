"""Compares an export with what its source reads of it, so that nothing is lost without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import ATTRIBUTE, attribute_columns
from pipeline.datasets.sources.items import attribute_names

if TYPE_CHECKING:
    from pipeline.core.contracts import Source
    from pipeline.labelling.exchange.content import ExchangedSample, ExchangedSet

OF_SOURCE = frozenset([f"{ATTRIBUTE}disagreement"])  # which label_studio gives to every sample


def refuse_loss(content: ExchangedSet, source: Source, places: bool) -> None:
    """Reads an export back.

    Args:
        content: What was written.
        source: That reads it.
        places: Whether groups and attributes are in it.

    Raises:
        UserError: A sample is missing, or has other labels, or another split, group or attribute.
    """
    try:
        table = source.read()
    except UserError as error:
        raise UserError(f"not exported, since it could not be read back: {error}") from None
    rows = {str(row["path"]): row for row in table.to_dict("records")}
    names = content.attributes
    columns = dict(zip(names, attribute_names(names), strict=True))
    for sample in content.samples:
        row = rows.get(sample.path)
        if row is None or (row.get("refused") is not None and not pd.isna(row.get("refused"))):
            fault = "is not found again" if row is None else f"is refused: {row['detail']}"
            raise UserError(f"not exported: {sample.origin!r} {fault}, in this format; choose another one")
        for what, expected, found in _differences(sample, row, columns, places):
            raise UserError(
                f"not exported: the {what} of {sample.origin!r} would come back as {found!r}, expected {expected!r}; "
                "choose another format"
            )


def _differences(
    sample: ExchangedSample, row: Mapping[Any, Any], columns: Mapping[str, str], places: bool
) -> Iterator[tuple[str, object, object]]:
    pairs: list[tuple[str, object, object]] = [
        ("labels", list(sample.labels), list(row["labels"])),
        ("statement that no class applies", sample.is_negative, bool(row.get("negative") or False)),
    ]
    if places or sample.is_labelled:
        pairs.append(("split", sample.split, _plain(row.get("given_split"))))
    if places:
        found = {name: _plain(row[name]) for name in attribute_columns(row) if name not in OF_SOURCE}
        expected = {columns[name]: value for name, value in sample.attributes.items() if columns[name] not in OF_SOURCE}
        pairs.append(("group", sample.group, _plain(row.get("group"))))
        pairs.append(("attributes", expected, {name: value for name, value in found.items() if value is not None}))
    yield from (one for one in pairs if one[1] != one[2])


def _plain(value: object) -> object:
    """The value as Python has it; None where it is missing."""
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else value
