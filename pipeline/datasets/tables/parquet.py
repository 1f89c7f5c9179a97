"""Reads the rows of a Parquet file; values are counted first, since a small file can hold billions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.delimited_text import is_beyond
from pipeline.core.errors import UserError
from pipeline.datasets.sources.documents import MAX_DOCUMENT_BYTES, check_document

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH = 65_536  # rows at once
ALWAYS_ALLOWED, MAX_VALUES_PER_BYTE = 2_000_000, 20  # values; a column of paths takes some bytes for each row
Rows = tuple[list[str], list[dict[str, Any]], list[int]]


def read_parquet(path: Path, max_rows: int, max_columns: int, num_rows: int | None = None) -> Rows:
    """The columns, the rows and their numbers from 1; repeated texts are held once in memory.

    Args:
        path: The file.
        max_rows: A file of more rows is refused.
        max_columns: A file of more columns is refused.
        num_rows: Number of rows to read; None: all.

    Raises:
        UserError: It cannot be read, or is beyond the bounds.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = check_document(path)
    try:
        with pq.ParquetFile(path) as file:
            _check(path, file.metadata, size, max_rows, max_columns)
            names = [str(name) for name in file.schema_arrow.names]
            texts = [column.path for column in file.schema if _is_text(column)]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            rows = _rows(path, file, names, num_rows)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable Parquet file ({reason}); write it again") from None
    return names, rows, list(range(1, len(rows) + 1))


def _check(path: Path, metadata: pq.FileMetaData, size: int, max_rows: int, max_columns: int) -> None:
    for what, number, most in (
        ("rows", metadata.num_rows, max_rows),
        ("columns", metadata.num_columns, max_columns),
    ):
        if number > most:
            raise UserError(f"{path} {is_beyond(what, most)}")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    num_values = sum(group.column(number).num_values for group in groups for number in range(group.num_columns))
    num_values = max(num_values, metadata.num_rows * metadata.num_columns)
    if num_values > max(ALWAYS_ALLOWED, MAX_VALUES_PER_BYTE * size):
        raise UserError(
            f"{path} could fill the memory: {size:,} bytes hold {num_values:,} values, more than "
            f"{MAX_VALUES_PER_BYTE} for each byte; write it as CSV if you trust it"
        )


def _is_text(column: pq.ColumnSchema) -> bool:
    return column.physical_type == "BYTE_ARRAY" and column.logical_type.type in ("STRING", "NONE")


def _rows(path: Path, file: pq.ParquetFile, names: list[str], num_rows: int | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    left = MAX_DOCUMENT_BYTES
    for batch in file.iter_batches(batch_size=min(BATCH, num_rows or BATCH)):
        left -= sum(_num_bytes(column) for column in batch.columns)
        if left < 0:
            raise UserError(
                f"{path} could fill the memory: it unpacks to more than {MAX_DOCUMENT_BYTES:,} bytes; "
                "write it as CSV if you trust it"
            )
        columns = [_values(column) for column in batch.columns]
        rows += [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        if num_rows is not None and len(rows) >= num_rows:
            return rows[:num_rows]
    return rows


def _num_bytes(column: pa.Array) -> int:
    """Approximate bytes of memory that `_values` needs for a column; each text in a list counts again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_nested(column.type):
        return int(column.nbytes)
    if pa.types.is_struct(column.type):
        return sum(_num_bytes(part) for part in column.flatten())
    if pa.types.is_map(column.type):
        return _num_bytes(column.keys) + _num_bytes(column.items)
    parts = column.flatten()
    if pa.types.is_dictionary(parts.type):
        return int(pc.sum(pc.binary_length(parts.dictionary).take(parts.indices)).as_py() or 0)
    return _num_bytes(parts)


def _values(column: pa.Array) -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        values: list[Any] = column.to_pylist()
        return values
    texts = column.dictionary.to_pylist()
    return [None if index is None else texts[index] for index in column.indices.to_pylist()]
