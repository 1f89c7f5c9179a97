"""Writes what people said about answers as a folder of labelled pictures: `ingest` and the source `table` read it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import pandas as pd
import sqlalchemy as sa

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.labels import labels_to_text
from pipeline.core.open_types import JsonObject
from pipeline.images.feedback_pictures import (
    FROM_FEEDBACK,
    LABEL_COLUMNS,
    LABELS,
    LEFT_OUT,
    LEFT_OUT_COLUMNS,
    PICTURES,
    ZIP,
    read_rows,
)
from pipeline.serving.answer_store import PICTURES as STORED
from pipeline.serving.answer_tables import as_text, feedback_table, open_reader, select_rows
from pipeline.serving.pictures import digest_bytes

SUFFIXES = (  # first bytes to the ending of the file that is written; content decides how it is read
    (rb"\x89PNG", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"GIF8", ".gif"),
    (rb"BM", ".bmp"),
    (rb"RIFF....WEBP", ".webp"),
    (rb"II\*\x00|MM\x00\*", ".tif"),
    (rb"P[1-6]\s", ".ppm"),
    (rb"....ftypavi[fs]", ".avif"),
    (rb"....ftyp(isom|iso[2-9]|mp4[12]|avc1|qt  |M4V |dash)", ".mp4"),
    (rb"....ftyp", ".heic"),
    (rb"\x1aE\xdf\xa3", ".mkv"),
    (rb"RIFF....AVI ", ".avi"),
    (rb"PK\x03\x04", ZIP),
    (rb"\x1f\x8b", ".gz"),
)
DIGEST = re.compile(r"[0-9a-f]{64}")  # SHA-256, which names a file
DISCARDED, CONTRADICTED, NOT_STORED = "discarded", "contradicted", "not_stored"


@final
@dataclass(frozen=True, kw_only=True)
class ExportedFeedback:
    """What `export_feedback` wrote, in pictures; a picture is its bytes, however often it was sent.

    Attributes:
        pictures: With one label, in `labels.csv`.
        new: Of these, those that the folder did not have, or had with other labels.
        discarded: Left out since a person said so.
        contradicted: Left out since people gave them different labels.
        not_stored: Left out since the server did not store them (`colibri serve --keep-pictures`), or the database has
            other bytes under their name, or none any more.
        no_longer_stored: Of all, those that only an earlier export knows, since the database is another one.
        other_models: Pictures of which only answers of other models were corrected; they are not written.
        answers: That people looked at (the last word on each answer counts, discarded ones do not).
        right: Of these, those that were decided right.
    """

    pictures: int
    new: int
    discarded: int
    contradicted: int
    not_stored: int
    no_longer_stored: int
    other_models: int
    answers: int
    right: int

    def to_json(self) -> JsonObject:
        return asdict(self)


def export_feedback(folder: Path, store: str | None = None, model: str | None = None) -> ExportedFeedback:
    """Writes the pictures that people labelled into a folder, with a table that the source `table` reads.

    `labels.csv` has a row for each picture: `image` (the path in the folder), `label` (as `labels_to_text` writes it),
    `origin` (`feedback`), `decided`, `model`, `version`, `answer_id`, `who` and `time`. `left_out.csv` has those that
    cannot be used: `digest`, `label`, `reason` (discarded, contradicted, not_stored) and `detail`.

    Of one person's words about a picture the last counts; without a name, of the words about one answer. Where the last
    words of two persons differ, the picture is left out until they agree; where one of them is `discard`, it is
    discarded. Pictures are named by their content, written first and never changed, the tables last, so an export that
    was killed is completed by the next one, and the same database gives the same files. What an earlier export wrote
    and the database does not know any more stays. No picture is assigned to a split.

    Args:
        folder: Made where it is missing.
        store: As for `read_answers`.
        model: Name of a registered model, whose answers alone count; None for all.

    Raises:
        UserError: There is no such database, it cannot be read, or the folder cannot be written.
    """
    with open_reader(store) as engine:
        return _export(folder, engine, model)


def _export(folder: Path, engine: sa.Engine, model: str | None) -> ExportedFeedback:
    table = feedback_table(engine)
    of_model = table if model is None else table[table["model"] == model]
    if not table["digest"].map(_is_digest).all():
        raise UserError("the database holds a digest that is none; it is not one of colibri serve, or it is damaged")
    try:
        earlier = _read_earlier(folder)
        stored = of_model[of_model["has_picture"]].groupby("digest")["id"].unique().to_dict()
        for torn in [*folder.glob(".*.tmp"), *(folder / PICTURES).glob(".*.tmp")]:  # of a call that was killed
            torn.unlink(missing_ok=True)
        files = {path.stem: path.name for path in sorted((folder / PICTURES).glob("*.*")) if path.stem[:1] != "."}
        labelled, left_out = earlier.without(set(of_model["digest"]))
        num_earlier = len(labelled) + len(left_out)
        for digest, words in of_model.groupby("digest", sort=True):
            row, reason, detail = _decide(words)
            if not reason and digest not in files:
                data = _read_picture(engine, str(digest), stored.get(digest, []))
                if data is None:
                    reason, detail = NOT_STORED, _describe([row])
                else:
                    files[str(digest)] = _write_picture(folder, str(digest), data)
            if reason:
                left_out[str(digest)] = dict(
                    zip(LEFT_OUT_COLUMNS, (digest, labels_to_text(row["right"] or []), reason, detail), strict=True)
                )
                continue
            labelled[str(digest)] = _export_row(f"{PICTURES}/{files[str(digest)]}", row)
        _write_table(folder / LABELS, LABEL_COLUMNS, labelled)
        _write_table(folder / LEFT_OUT, LEFT_OUT_COLUMNS, left_out)
        for digest in files.keys() - labelled.keys():
            (folder / PICTURES / files[digest]).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error}); choose another folder") from None
    reasons = [row["reason"] for row in left_out.values()]
    last = of_model.drop_duplicates("id", keep="last")["is_right"].dropna()
    return ExportedFeedback(
        pictures=len(labelled),
        new=sum(earlier.label_of(digest) != row["label"] for digest, row in labelled.items()),
        **{name: reasons.count(name) for name in (DISCARDED, CONTRADICTED, NOT_STORED)},
        no_longer_stored=num_earlier,
        other_models=len(set(table["digest"]) - set(of_model["digest"])),
        answers=len(last),
        right=int(last.sum()),
    )


@final
@dataclass(frozen=True, kw_only=True)
class _Earlier:
    """What the folder held before, by digest."""

    labelled: dict[str, dict[str, str]]
    left_out: dict[str, dict[str, str]]

    def without(self, digests: set[str]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
        labelled = {one: row for one, row in self.labelled.items() if one not in digests}
        return labelled, {one: row for one, row in self.left_out.items() if one not in {*digests, *labelled}}

    def label_of(self, digest: str) -> str | None:
        return self.labelled[digest]["label"] if digest in self.labelled else None


def _read_earlier(folder: Path) -> _Earlier:
    labelled = {Path(row["image"]).stem: row for row, _ in read_rows(folder / LABELS, LABEL_COLUMNS)}
    left_out = {row["digest"]: row for row, _ in read_rows(folder / LEFT_OUT, LEFT_OUT_COLUMNS)}
    return _Earlier(labelled=labelled, left_out=left_out)


def _is_digest(found: object) -> bool:
    return isinstance(found, str) and DIGEST.fullmatch(found) is not None


def _decide(words: pd.DataFrame) -> tuple[JsonObject, str, str]:
    """The word that counts of those about one picture, in the order of time; why it is left out, and the detail."""
    voices = words["who"].where(words["who"] != "", "\0" + words["id"])
    last = words[~voices.duplicated(keep="last")]
    rows = last.to_dict("records")
    discarded = [row for row in rows if row["action"] == "discard"]
    if discarded:
        return discarded[-1], DISCARDED, _describe(discarded[-1:])
    if len({tuple(sorted(row["right"])) for row in rows}) > 1:
        return rows[-1], CONTRADICTED, _describe(rows)
    return rows[-1], "", ""


def _describe(rows: list[JsonObject]) -> str:
    return "; ".join(_describe_word(row) for row in rows)


def _describe_word(row: JsonObject) -> str:
    said = "leave it out" if row["right"] is None else labels_to_text(row["right"]) or "none of the labels"
    return f"{row['who'] or 'somebody'} on {row['time']:%Y-%m-%d}: {said}"


def _export_row(name: str, row: JsonObject) -> dict[str, str]:
    values = (
        *(name, labels_to_text(sorted(row["right"])), FROM_FEEDBACK, labels_to_text(row["decided"])),
        *(row["model"], row["version"], row["id"], row["who"], as_text(row["time"])),
    )
    return dict(zip(LABEL_COLUMNS, map(str, values), strict=True))


def _write_picture(folder: Path, digest: str, data: bytes) -> str:
    name = f"{digest}{next((suffix for start, suffix in SUFFIXES if re.match(start, data, re.DOTALL)), '.img')}"
    with artifacts.atomic_write(folder / PICTURES / name) as temporary:
        temporary.write_bytes(data)
    return name


def _read_picture(engine: sa.Engine, digest: str, answer_ids: Iterable[str]) -> bytes | None:
    """The bytes of this digest, of the first answer that has them; None where none has, or has any more."""
    for answer_id in answer_ids:
        for row in select_rows(engine, sa.select(STORED.c.data).where(STORED.c.answer_id == answer_id)):
            data = bytes(row["data"])
            if digest_bytes(data) == digest:
                return data
    return None


def _write_table(path: Path, columns: tuple[str, ...], rows: dict[str, dict[str, str]]) -> None:
    ordered: Iterator[dict[str, str]] = (rows[digest] for digest in sorted(rows))
    table = pd.DataFrame(ordered, columns=list(columns))
    # all quoted, since a carriage return alone would not be, and ends a row where the table is read
    artifacts.write_text(path, table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_ALL))
