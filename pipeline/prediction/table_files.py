"""Writes tables of predictions part by part, as CSV, Parquet or JSON lines; the file is complete or not there."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.open_types import JsonObject
from pipeline.core.policy import OUT_OF_DISTRIBUTION
from pipeline.prediction.tables import SCORE

ROW_GROUP = 16_384  # rows of a Parquet file that are compressed together
DECIDED = ("", OUT_OF_DISTRIBUTION)  # reasons of rows that have scores
DIGITS = 6  # of a score in text


class TableFile(ABC):
    """A table under construction."""

    @abstractmethod
    def __init__(self, path: Path) -> None:
        """Opens the file."""

    @abstractmethod
    def append(self, table: pd.DataFrame) -> None:
        """Adds rows with the same columns as before."""

    @abstractmethod
    def close(self) -> None:
        """Writes what is left."""


@final
class CsvFile(TableFile):
    """UTF-8, comma, one line for the names of the columns; scores with 6 digits."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")
        self.is_empty = True

    def append(self, table: pd.DataFrame) -> None:
        table.to_csv(
            self.file, header=self.is_empty, index=False, lineterminator="\n", float_format=f"%.{DIGITS}f", na_rep=""
        )
        self.is_empty = False

    def close(self) -> None:
        self.file.close()


@final
class JsonLinesFile(TableFile):
    """One object a line; the scores are an object of class to number, and what is missing is null."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")

    def append(self, table: pd.DataFrame) -> None:
        for row in table.to_dict("records"):
            self.file.write(json.dumps(_nest(row), ensure_ascii=False) + "\n")

    def close(self) -> None:
        self.file.close()


@final
class ParquetFile(TableFile):
    """Scores as float32."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting: list[pd.DataFrame] = []
        self.writer: Any = None

    def append(self, table: pd.DataFrame) -> None:
        self.waiting.append(table)
        if sum(map(len, self.waiting)) >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        if self.waiting:
            self._flush()
        if self.writer is not None:
            self.writer.close()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = pa.Table.from_pandas(pd.concat(self.waiting), preserve_index=False)
        self.writer = self.writer or pq.ParquetWriter(self.path, arrow.schema, compression="zstd")
        self.writer.write_table(arrow)
        self.waiting.clear()


FORMATS: dict[str, type[TableFile]] = {".csv": CsvFile, ".parquet": ParquetFile, ".jsonl": JsonLinesFile}


def refuse_unwritable(path: Path) -> None:
    """Refuses a path that cannot become a table, before any work is done.

    Raises:
        UserError: Its suffix is of no format that is written, it is a folder, or it is an artifact of the pipeline.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--out {str(path)!r} must end in {', '.join(FORMATS)}; the ending chooses the format")
    if path.is_dir():
        raise UserError(f"--out {str(path)!r} is a folder; name a file in it")
    if path.resolve() in {one.resolve() for one in vars(artifacts).values() if isinstance(one, Path)}:
        raise UserError(f"--out {str(path)!r} is what a stage of the pipeline writes; choose another name")


@contextmanager
def open_table(path: Path) -> Iterator[TableFile]:
    """A table to append to, in the format that the suffix names; it appears at `path` when the block has succeeded.

    Raises:
        UserError: As `refuse_unwritable`, or the file cannot be written.
    """
    refuse_unwritable(path)
    try:
        with artifacts.atomic_write(path) as temporary:
            file = FORMATS[path.suffix.lower()](temporary)
            try:
                yield file
            finally:
                file.close()
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be written: {error.strerror or error}; choose another --out") from None


def _nest(row: JsonObject) -> JsonObject:
    """The row with the columns `score_*` in one object, and null for what is missing."""
    missing = (row.get("reason") or "") not in DECIDED
    scores = {name.removeprefix(SCORE): _round(value) for name, value in row.items() if name.startswith(SCORE)}
    plain = {name: _round(value) for name, value in row.items() if not name.startswith(SCORE) and name != "reason"}
    if "reason" not in row:
        return {**plain, "scores": scores}
    decided = {name: None if missing and name != "file" else value for name, value in plain.items()}
    return {**decided, "scores": None if missing else scores, "reason": row["reason"] or None}


def _round(value: Any) -> Any:
    return round(value, DIGITS) if isinstance(value, float) else value
