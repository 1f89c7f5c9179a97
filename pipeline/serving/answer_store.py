"""What a server answered and what people said about it: two tables that only grow, in SQLite or PostgreSQL."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

import sqlalchemy as sa
from sqlalchemy import event

from pipeline.core.errors import UserError
from pipeline.core.uris import main_checkout, mask_credentials, sqlite_path, sqlite_uri

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.open_types import JsonObject

PLACE = ".cache/serving/answers.db"  # in the main checkout; git ignores .cache
BUSY_SECONDS = 10  # that SQLite waits for another process
GROUP = 256  # rows that are committed together at most
SCHEMA = sa.MetaData()
ANSWERS = sa.Table(
    "answers",
    SCHEMA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("time", sa.String(32), nullable=False, index=True),  # ISO 8601, UTC
    sa.Column("call", sa.String(32), nullable=False),  # predict, infer, label-studio
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # SHA-256 of the encoded picture
    sa.Column("content_hash", sa.String(32), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),  # decided
    sa.Column("scores", sa.JSON, nullable=False),  # class to number
    sa.Column("abstains", sa.Boolean),
    sa.Column("label_set", sa.JSON),
    sa.Column("out_of_distribution", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),  # name to number
)
PICTURES = sa.Table(
    "pictures",
    SCHEMA,
    sa.Column("answer_id", sa.String(36), primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
FEEDBACK = sa.Table(
    "feedback",
    SCHEMA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("time", sa.String(32), nullable=False, index=True),
    sa.Column("answer_id", sa.String(36), nullable=False, index=True),
    sa.Column("action", sa.String(16), nullable=False),  # correct, confirm, discard
    sa.Column("labels", sa.JSON),  # what is right; null for discard
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)


def default_store() -> str:
    """The URI of the SQLite file of the project in the current folder."""
    return sqlite_uri(main_checkout() / PLACE)


def open_engine(url: str | None = None, is_reader: bool = False) -> sa.Engine:
    """A connection pool to the tables, which are made where they are missing; SQLite in WAL mode.

    Args:
        url: `sqlite:///FILE`, `postgresql+psycopg://...`, or any of SQLAlchemy's; None for `default_store`.
        is_reader: Nothing is made.

    Raises:
        UserError: The address or its driver is wrong, or the database cannot be used.
    """
    url = url or default_store()
    try:
        file = sqlite_path(url)
        if file is not None:
            _prepare_file(file, is_reader)
        engine = sa.create_engine(url, pool_pre_ping=file is None)
        if file is not None:
            event.listen(engine, "connect", _configure_sqlite)
        if not is_reader:
            SCHEMA.create_all(engine)
        with engine.connect() as connection:
            connection.execute(sa.select(ANSWERS.c.id).limit(1))
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError, OSError) as error:
        reason = mask_credentials(str(getattr(error, "orig", None) or error)).splitlines()[0]
        raise UserError(
            f"the answers cannot be stored in {mask_credentials(url)} ({reason}); name another database with --store, "
            "such as sqlite:///answers.db"
        ) from None
    return engine


def _prepare_file(file: Path, is_reader: bool) -> None:
    if is_reader and not file.is_file():
        raise UserError(f"{file} does not exist: no server has stored an answer there; start one with colibri serve")
    file.parent.mkdir(parents=True, exist_ok=True)


def _configure_sqlite(connection: Any, record: Any) -> None:
    """WAL: readers do not wait, and what was committed outlives the process."""
    for line in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {line}")


@final
class AnswerStore:
    """The tables, with one thread that writes; rows that wait together are committed together.

    Args:
        url: As for `open_engine`.

    Raises:
        UserError: As `open_engine`.
    """

    def __init__(self, url: str | None = None):
        self.engine = open_engine(url)
        self.queue: queue.Queue[tuple[list[tuple[sa.Table, JsonObject]], Future[None]] | None] = queue.Queue()
        self.thread = threading.Thread(target=self._run, name="answer store", daemon=True)
        self.thread.start()

    def append(self, rows: list[tuple[sa.Table, JsonObject]]) -> Future[None]:
        """Adds rows, all or none; the future is done when they are committed, or holds the error.

        Rows whose future is cancelled before their turn are not written.
        """
        done: Future[None] = Future()
        self.queue.put((rows, done))
        return done

    def find_answer(self, answer_id: str) -> JsonObject | None:
        """`labels`, `scores`, `model` and `version` of an answer, or None."""
        columns = (ANSWERS.c.labels, ANSWERS.c.scores, ANSWERS.c.model, ANSWERS.c.version)
        with self.engine.connect() as connection:
            found = connection.execute(sa.select(*columns).where(ANSWERS.c.id == answer_id)).mappings().first()
        return None if found is None else dict(found)

    def is_writable(self) -> bool:
        """Whether the thread runs and the database answers."""
        if not self.thread.is_alive():
            return False
        with suppress(sa.exc.SQLAlchemyError), self.engine.connect() as connection:
            connection.execute(sa.select(ANSWERS.c.id).limit(1))
            return True
        return False

    def close(self) -> None:
        """Writes what waits, then ends the thread and the connections."""
        self.queue.put(None)
        self.thread.join()
        self.engine.dispose()

    def _run(self) -> None:
        while (first := self.queue.get()) is not None:
            group, is_last = [first], False
            while len(group) < GROUP and not is_last:
                try:
                    item = self.queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    is_last = True
                else:
                    group.append(item)
            live = [one for one in group if one[1].set_running_or_notify_cancel()]  # the others were given up
            if live:
                self._write(live)
            if is_last:
                return

    def _write(self, group: list[tuple[list[tuple[sa.Table, JsonObject]], Future[None]]]) -> None:
        """One transaction for the group; where that fails one for each member, so that one cannot spoil the others."""
        try:
            self._commit([row for rows, _ in group for row in rows])
        except Exception as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for member in group:
                self._write([member])
            return
        for _, done in group:
            done.set_result(None)

    def _commit(self, rows: list[tuple[sa.Table, JsonObject]]) -> None:
        with self.engine.begin() as connection:
            for table in (ANSWERS, PICTURES, FEEDBACK):
                values = [row for of, row in rows if of is table]
                if values:
                    connection.execute(table.insert(), values)
