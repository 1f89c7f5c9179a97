"""Pictures that people corrected where a model was served, as a source of their own next to that of the data set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.core import artifacts
from pipeline.core.contracts import Source
from pipeline.core.delimited_text import decode_text, split_rows
from pipeline.core.errors import UserError
from pipeline.core.labels import parse_labels
from pipeline.core.manifest_schema import OF_LABEL, ORIGIN
from pipeline.core.safe_files import read_bytes, stat_file
from pipeline.core.sample_codec import FileSet
from pipeline.core.zipped_sample import unpack_sample

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "feedback:"
NAME = re.compile(rf"{PREFIX}[0-9a-f]{{64}}(\.[a-z0-9]{{2,4}})?")  # SHA-256 of the file: no source names a picture so
LABELS, LEFT_OUT, PICTURES = "labels.csv", "left_out.csv", "pictures"
LABEL_COLUMNS = ("image", "label", "origin", "decided", "model", "version", "answer_id", "who", "time")
LEFT_OUT_COLUMNS = ("digest", "label", "reason", "detail")
FROM_FEEDBACK, FROM_SOURCE = "feedback", "source"  # values of `attr_origin`
SAID = {name: OF_LABEL + name for name in ("decided", "version", "who")}  # column of labels.csv to that of the manifest
REASONS = ("discarded", "contradicted", "not_stored")  # of left_out.csv
ZIP = ".zip"  # a sample that is a folder, as it was sent
OTHER_GREYS = "other_greys"  # of ingest


def is_feedback(name: str) -> bool:
    """Whether this is the `sample_id` or path of a picture from feedback."""
    return NAME.fullmatch(name) is not None


def source_of(source: Source, path: str, root: Path = artifacts.FEEDBACK) -> Source:
    """The source that has this path: that of the data set, or its feedback below `root`."""
    return FeedbackPictures.of(str(source.name), root) if is_feedback(path) else source


@final
@dataclass(frozen=True, kw_only=True)
class FeedbackPictures(Source):
    """The folder of one data set in `data/feedback/`, as `serving/feedback_export.py` writes it.

    Args:
        name: Of the data set.
        watch: The folder; it need not exist.
    """

    name: str
    watch: str

    @classmethod
    def of(cls, source: str, root: Path = artifacts.FEEDBACK) -> FeedbackPictures:
        """That of a data set.

        Raises:
            UserError: The name of the data set cannot be that of a folder.
        """
        return cls(name=source, watch=str(root / artifacts.feedback_folder(source).name))

    def read(self) -> pd.DataFrame:
        """All feedback, empty where there is none.

        Columns `path`, `labels`, `negative`, `group` (None), `refused`, `detail`, `attr_origin` and `SAID`.

        Raises:
            UserError: A table is damaged, or was not written by `colibri retrain`.
        """
        import pandas as pd

        rows = [*self._read_labels(), *self._read_left_out()]
        names = ("path", "labels", "negative", "group", "refused", "detail", ORIGIN, *SAID.values())
        return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names}).astype(
            {"path": "str", "negative": "bool"}
        )

    def open(self, path: str) -> bytes | FileSet:
        data = read_bytes(Path(self.watch), self._file(path))
        return unpack_sample(data) if path.endswith(ZIP) else data

    def stat(self, path: str) -> tuple[int, ...] | None:
        return stat_file(Path(self.watch), self._file(path))

    def file_of(self, path: str) -> Path | None:
        return Path(self.watch) / self._file(path)

    def _file(self, path: str) -> str:
        return f"{PICTURES}/{path.removeprefix(PREFIX)}"

    def _read_labels(self) -> Iterator[dict[str, object]]:
        for row, where in read_rows(Path(self.watch) / LABELS, LABEL_COLUMNS):
            path, labels = PREFIX + row["image"].removeprefix(f"{PICTURES}/"), _labels(row["label"], where)
            if not row["image"].startswith(f"{PICTURES}/") or not is_feedback(path):
                raise UserError(f"{where}: image must be {PICTURES}/SHA256.png, found {row['image']!r}; {REMEDY}")
            said = {column: row[name] or None for name, column in SAID.items()}
            yield {"path": path, "labels": labels, "negative": not labels, ORIGIN: FROM_FEEDBACK, **said}

    def _read_left_out(self) -> Iterator[dict[str, object]]:
        for row, where in read_rows(Path(self.watch) / LEFT_OUT, LEFT_OUT_COLUMNS):
            path = PREFIX + row["digest"]
            if row["reason"] not in REASONS or not is_feedback(path):
                raise UserError(
                    f"{where}: expected a SHA-256 and one of {', '.join(REASONS)}, found {row['digest']!r} and "
                    f"{row['reason']!r}; {REMEDY}"
                )
            labels = _labels(row["label"], where)
            yield {"path": path, "labels": labels, "negative": False, ORIGIN: FROM_FEEDBACK} | {
                "refused": row["reason"],
                "detail": row["detail"],
            }


REMEDY = "colibri retrain writes it anew when the file is removed"


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[dict[str, str], str]]:
    """The rows of a table and where each is, for messages; none where there is no file.

    Raises:
        UserError: It cannot be read, or lacks a column.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    found, rows, lines = split_rows(path, decode_text(data, path))
    missing = [name for name in columns if name not in found]
    if missing:
        raise UserError(f"{path}: line 1 names no column {missing[0]!r}; {REMEDY}")
    for row, line in zip(rows, lines, strict=True):
        yield row, f"{path}: line {line}"


def _labels(text: str, where: str) -> list[str]:
    try:
        return sorted(set(parse_labels(text)))
    except ValueError as error:
        raise UserError(f"{where}, label: {error}; {REMEDY}") from None
