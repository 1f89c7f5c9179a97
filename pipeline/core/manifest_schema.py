"""The columns of the manifest, their prefixes and types, and the names of the splits; nothing else spells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "val", "test")
NONE = "none"  # instead of a split: takes part in none
POOL = "pool"  # instead of a split: without a label, so that nothing but pretraining uses it

PROPERTY = "prop_"  # begins the name of what was measured on a picture
ATTRIBUTE = "attr_"  # of what a source or a file says of a sample
EXIF = f"{ATTRIBUTE}exif_"  # of what the file says
OF_LABEL = f"{ATTRIBUTE}of_label_"  # of what the source says of the label itself, which it predicts by nature
ORIGIN = f"{ATTRIBUTE}origin"  # source or feedback; there is no such column where nothing is from feedback

REQUIRED = {  # column to type
    **dict.fromkeys(("sample_id", "path"), "text"),
    "labels": "lists of text",
    **dict.fromkeys(("group", "media", "format", "content_hash", "perceptual_hash"), "text"),
    **dict.fromkeys(("height", "width", "depth", "channels", "source_order"), "integers"),
}
OPTIONAL = {
    **dict.fromkeys(("given_split", "decision", "former_labels"), "text"),
    **dict.fromkeys(("negative", "selected"), "truth values"),
    **dict.fromkeys(("grey_low", "grey_high"), "numbers"),
}


def property_column(name: str) -> str:
    """The column of a measured property."""
    return PROPERTY + name


def property_columns(columns: Iterable[Any]) -> list[str]:
    """Those of measured properties, in their order."""
    return [str(one) for one in columns if str(one).startswith(PROPERTY)]


def attribute_columns(columns: Iterable[Any]) -> list[str]:
    """Those of attributes, also of what is said of the label, in their order."""
    return [str(one) for one in columns if str(one).startswith(ATTRIBUTE)]


def is_property_or_attribute(column: Any) -> bool:
    """Whether the column holds what a source, a file or a measurement says of the picture."""
    return str(column).startswith((PROPERTY, ATTRIBUTE))


def short_name(column: str) -> str:
    """What the column is called without `prop_` or `attr_`."""
    return column.removeprefix(PROPERTY if column.startswith(PROPERTY) else ATTRIBUTE)


def check_manifest(manifest: pd.DataFrame) -> None:
    """Refuses a manifest that later stages could not read; attributes may be of any type.

    Raises:
        UserError: A column is missing or unknown, or holds values of another type.
    """
    missing = [name for name in REQUIRED if name not in manifest]
    if missing:
        raise UserError(f"the manifest lacks the column {missing[0]!r}; check that the source's read() returns it")
    for column in map(str, manifest):
        expected = "numbers" if column.startswith(PROPERTY) else {**REQUIRED, **OPTIONAL}.get(column)
        if column.startswith(ATTRIBUTE):
            continue
        if expected is None:
            raise UserError(
                f"the manifest has an unknown column {column!r}; a source may add columns that begin with {ATTRIBUTE!r}"
            )
        if not _has_type(manifest[column], expected):
            raise UserError(
                f"the manifest's column {column!r} must hold {expected}, found the type {manifest[column].dtype}"
            )


def _has_type(values: pd.Series, expected: str) -> bool:
    from pandas.api import types

    tests: dict[str, Callable[[pd.Series], bool]] = {
        "text": types.is_string_dtype,
        "integers": types.is_integer_dtype,
        "numbers": types.is_numeric_dtype,
        "truth values": types.is_bool_dtype,
        "lists of text": lambda lists: all(isinstance(one, list) for one in lists),
    }
    values = values.dropna()  # of text there may be nothing but None
    return not len(values) or bool(tests[expected](values))
