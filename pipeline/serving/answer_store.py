"""What a server answered and what people said about it: tables that only grow, in SQLite or PostgreSQL."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

import sqlalchemy as sa
from sqlalchemy import event

from pipeline.core.errors import UserError
from pipeline.core.uris import main_checkout, mask_credentials, sqlite_path, sqlite_uri
from pipeline.serving.append_only import add_missing_triggers, only_grows

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.open_types import JsonObject

PLACE = ".cache/serving/answers.db"  # in the main checkout; git ignores .cache
BUSY_SECONDS = 10  # that SQLite waits for another process
GROUP = 256  # rows that are committed together at most
POSTGRESQL = {"connect_timeout": 5, "tcp_user_timeout": 10_000}  # s, ms: a machine that is gone holds nobody up
TRIES = 5  # to make the tables, which two servers may do at once
UNREACHABLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)  # not the fault of a row
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
AUDITS = sa.Table(
    "audits",
    SCHEMA,
    sa.Column("answer_id", sa.String(36), primary_key=True),
    sa.Column("share", sa.Float, nullable=False),  # the probability with which it was picked
)
only_grows(ANSWERS)
only_grows(AUDITS)
only_grows(FEEDBACK)
only_grows(PICTURES, ["UPDATE"])  # how long pictures are stored is for a person to decide


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
        engine = sa.create_engine(url, pool_pre_ping=file is None, connect_args=_connect_arguments(url))
        if file is not None:
            event.listen(engine, "connect", _configure_sqlite)
        if not is_reader:
            _create_tables(engine)
        with engine.connect() as connection:
            connection.execute(sa.select(ANSWERS.c.id).limit(1))
    except ModuleNotFoundError as error:
        raise UserError(
            f"{mask_credentials(url)} needs the package {error.name}, which is not installed; for PostgreSQL: "
            "make install EXTRAS=postgres, and an address that begins with postgresql+psycopg://"
        ) from None
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise UserError(
            f"the answers cannot be stored in {mask_credentials(url)} ({describe_failure(error)}); name another "
            "database with --store, such as sqlite:///answers.db"
        ) from None
    return engine


def describe_failure(error: Exception) -> str:
    """What the database or the system said, on one line and without a password."""
    text = mask_credentials(str(getattr(error, "orig", None) or error)).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def _connect_arguments(url: str) -> dict[str, int]:
    """Times after which PostgreSQL counts as gone, where the address does not name them."""
    found = sa.make_url(url)
    if found.get_backend_name() != "postgresql" or not found.drivername.endswith(("psycopg", "psycopg2")):
        return {}
    return {name: value for name, value in POSTGRESQL.items() if name not in found.query}


def _create_tables(engine: sa.Engine) -> None:
    """Makes the missing tables and triggers; where another server does the same at this moment, it is looked again."""
    for number in range(TRIES):
        try:
            SCHEMA.create_all(engine)
            add_missing_triggers(engine, SCHEMA.sorted_tables)
            return
        except sa.exc.DBAPIError as error:
            is_made = sa.inspect(engine).has_table(FEEDBACK.name) if number + 1 < TRIES else False
            if not is_made and not _is_race(error):
                raise
            time.sleep(0.2)


def _is_race(error: sa.exc.DBAPIError) -> bool:
    """Whether the table was made between the look and the making of it."""
    text = str(error.orig)
    return "already exists" in text or "pg_type_typname_nsp_index" in text or "concurrently updated" in text


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
        """One transaction for the group; where a row is refused one for each member, so that one spoils no other."""
        try:
            self._commit([row for rows, _ in group for row in rows])
        except Exception as error:
            if len(group) == 1 or isinstance(error, UNREACHABLE):
                for _, done in group:
                    done.set_exception(error)
                return
            for member in group:
                self._write([member])
            return
        for _, done in group:
            done.set_result(None)

    def _commit(self, rows: list[tuple[sa.Table, JsonObject]]) -> None:
        with self.engine.begin() as connection:
            for table in (ANSWERS, PICTURES, AUDITS, FEEDBACK):
                values = [row for of, row in rows if of is table]
                if values:
                    connection.execute(table.insert(), values)
