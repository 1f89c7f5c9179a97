"""Reads what servers answered and what people said about it, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from pipeline.core.errors import UserError
from pipeline.core.labels import labels_to_text
from pipeline.core.manifest_schema import property_column
from pipeline.core.open_types import JsonObject
from pipeline.core.uris import mask_credentials
from pipeline.serving.answer_store import ANSWERS, FEEDBACK, PICTURES, describe_failure, open_engine

AT_ONCE = 500  # answers that a query names
DAMAGED = (sa.exc.SQLAlchemyError, ValueError, TypeError, AttributeError)  # of a row that holds what no server writes


def read_answers(
    store: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    version: str | None = None,
    ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What was answered, the oldest first.

    Args:
        store: Address of the database, as of `colibri serve --store`; None for that of the project.
        since: The first time, with a time zone; None for all.
        until: The time before which they were given; None for all.
        version: Of the model; None for all.
        ids: Of the answers; None for all.

    Returns:
        A row for each picture: `id`, `time` (UTC), `call` (the kind of request), `model`, `version`, `class` (the
        decided labels, as `labels_to_text` writes them), `labels` (a list), `confidence` (the highest score, 0 to 1),
        `scores` (class to number), `abstains`, `set`, `out_of_distribution`, `reason`, `digest` (SHA-256 of the
        encoded picture), `content_hash` (as in the manifest) and the columns `prop_*` of the manifest.

    Raises:
        UserError: There is no such database, or it cannot be read.
    """
    query = sa.select(ANSWERS).order_by(ANSWERS.c.time, ANSWERS.c.id)
    if since is not None:
        query = query.where(ANSWERS.c.time >= as_text(since))
    if until is not None:
        query = query.where(ANSWERS.c.time < as_text(until))
    if version is not None:
        query = query.where(ANSWERS.c.version == version)
    parts = [None] if ids is None else [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
    with open_reader(store) as engine, _one_line(engine):
        queries = [query if part is None else query.where(ANSWERS.c.id.in_(part)) for part in parts]
        rows = [row for one in queries for row in select_rows(engine, one)]
        return _answer_table(sorted(rows, key=lambda row: (row["time"], row["id"])))


def list_answers(store: str | None, model: str, since: datetime | None = None) -> pd.DataFrame:
    """Which pictures a model answered about, the oldest first, without what was answered: small, also of a million.

    Args:
        store: As for `read_answers`.
        model: Its registered name.
        since: As for `read_answers`.

    Returns:
        A row for each picture: `id`, `digest` and `content_hash`, which is empty where the server did not measure it.

    Raises:
        UserError: As for `read_answers`.
    """
    query = sa.select(ANSWERS.c.id, ANSWERS.c.digest, ANSWERS.c.content_hash).where(ANSWERS.c.model == model)
    if since is not None:
        query = query.where(ANSWERS.c.time >= as_text(since))
    with open_reader(store) as engine, _one_line(engine):
        rows = select_rows(engine, query.order_by(ANSWERS.c.time, ANSWERS.c.id))
        return pd.DataFrame({name: _text(rows, name) for name in ("id", "digest", "content_hash")})


def _answer_table(rows: list[JsonObject]) -> pd.DataFrame:
    names = sorted({name for row in rows for name in row["properties"]})
    table = pd.DataFrame(
        {
            "id": _text(rows, "id"),
            "time": _times(rows, "time"),
            **{name: _text(rows, name) for name in ("call", "model", "version")},
            "class": pd.Series([labels_to_text(row["labels"]) for row in rows], dtype="str"),
            "labels": pd.Series([row["labels"] for row in rows], dtype="object"),
            "confidence": pd.Series([_highest(row["scores"]) for row in rows], dtype="float64"),
            "scores": pd.Series([row["scores"] for row in rows], dtype="object"),
            "abstains": pd.Series([row["abstains"] for row in rows], dtype="boolean"),
            "set": pd.Series([row["label_set"] for row in rows], dtype="object"),
            "out_of_distribution": pd.Series([row["out_of_distribution"] for row in rows], dtype="float64"),
            **{name: _text(rows, name) for name in ("reason", "digest", "content_hash")},
        }
    )
    properties = {
        property_column(name): pd.Series([row["properties"].get(name, math.nan) for row in rows], dtype="float64")
        for name in names
    }
    return pd.concat([table, pd.DataFrame(properties)], axis=1) if properties else table


def read_feedback(store: str | None = None) -> pd.DataFrame:
    """What people said about answers, the oldest first, with what was answered.

    Args:
        store: As for `read_answers`.

    Returns:
        A row for each feedback: `feedback_id`, `time` (UTC), `action` (correct, confirm or discard), `right` (a list of
        labels; None for discard), `who`, `note`; of the answer `id`, `answered` (its time), `model`, `version`,
        `decided` (a list), `scores`, `abstains`, `digest`, `content_hash`; `is_right` (whether the decision was; <NA>
        for discard) and `has_picture` (whether its bytes are stored).

    Raises:
        UserError: There is no such database, or it cannot be read.
    """
    with open_reader(store) as engine:
        return feedback_table(engine)


def feedback_table(engine: sa.Engine) -> pd.DataFrame:
    """`read_feedback` of a database that is open.

    Raises:
        UserError: It cannot be read.
    """
    query = (
        sa.select(
            FEEDBACK.c.id.label("feedback_id"),
            FEEDBACK.c.time,
            *(FEEDBACK.c.action, FEEDBACK.c.labels.label("right"), FEEDBACK.c.who, FEEDBACK.c.note),
            *(ANSWERS.c.id, ANSWERS.c.time.label("answered"), ANSWERS.c.model, ANSWERS.c.version),
            *(ANSWERS.c.labels.label("decided"), ANSWERS.c.scores, ANSWERS.c.abstains),
            *(ANSWERS.c.digest, ANSWERS.c.content_hash, PICTURES.c.answer_id.is_not(None).label("has_picture")),
        )
        .join(ANSWERS, ANSWERS.c.id == FEEDBACK.c.answer_id)
        .outerjoin(PICTURES, PICTURES.c.answer_id == ANSWERS.c.id)
        .order_by(FEEDBACK.c.time, FEEDBACK.c.id)
    )
    with _one_line(engine):
        return _feedback_table(select_rows(engine, query))


def _feedback_table(rows: list[JsonObject]) -> pd.DataFrame:
    for row in rows:
        if not _are_labels(row["decided"]) or not (row["right"] is None or _are_labels(row["right"])):
            raise ValueError(f"feedback {row['feedback_id']} holds labels that are no list of texts")
        if (row["right"] is None) != (row["action"] == "discard"):
            raise ValueError(f"feedback {row['feedback_id']} is {row['action']!r} with the labels {row['right']}")
    names = [
        *("feedback_id", "time", "action", "right", "who", "note", "id", "answered", "model", "version"),
        *("decided", "scores", "abstains", "digest", "content_hash", "has_picture"),
    ]
    table = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype="object") for name in names})
    table["time"], table["answered"] = _times(rows, "time"), _times(rows, "answered")
    table["is_right"] = pd.Series(
        [None if row["right"] is None else sorted(row["right"]) == sorted(row["decided"]) for row in rows],
        dtype="boolean",
    )
    table["abstains"] = table["abstains"].astype("boolean")
    table["has_picture"] = table["has_picture"].astype(bool)
    return table


def as_text(time: datetime) -> str:
    """A time with its zone as the tables hold it: ISO 8601 in UTC, which sorts as text."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def open_reader(store: str | None) -> Iterator[sa.Engine]:
    """The database for the time of a reading; `store` and errors as for `read_answers`."""
    engine = open_engine(store, is_reader=True)
    try:
        yield engine
    finally:
        engine.dispose()


def select_rows(engine: sa.Engine, query: sa.Select[Any]) -> list[JsonObject]:
    """The rows of a query, column to value.

    Raises:
        UserError: The database cannot be read.
    """
    with _one_line(engine), engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


@contextmanager
def _one_line(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except DAMAGED as error:
        url = mask_credentials(engine.url.render_as_string(hide_password=True))
        raise UserError(
            f"the answers cannot be read from {url} ({describe_failure(error)}); try again, and if it is damaged "
            "restore a copy of it or name another database"
        ) from None


def _are_labels(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _highest(scores: Mapping[str, float | None]) -> float:
    """NaN where there is none; one that was no number is stored as None."""
    return max((one for one in scores.values() if one is not None), default=math.nan)


def _text(rows: list[JsonObject], name: str) -> pd.Series:
    return pd.Series([row[name] for row in rows], dtype="str")


def _times(rows: list[JsonObject], name: str) -> pd.Series:
    found = pd.to_datetime(pd.Series([row[name] for row in rows], dtype="str"), utc=True, format="ISO8601")
    if found.isna().any():
        raise ValueError(f"{rows[int(found.isna().argmax())][name]!r} is no time")
    return found
