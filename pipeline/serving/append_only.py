"""Tables that only grow: the database itself refuses to change a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Sequence

SQLITE = """CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} only grows: no {verb}'); END"""
FUNCTION = """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION '% only grows: no %', TG_TABLE_NAME, TG_OP; END$$"""
POSTGRESQL = (
    "CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def only_grows(table: sa.Table, verbs: Sequence[str] = ("UPDATE", "DELETE")) -> None:
    """Makes SQLite and PostgreSQL refuse these verbs on a table; the triggers are made with the table.

    Args:
        table: With a plain name.
        verbs: Of SQL. PostgreSQL refuses TRUNCATE with DELETE.
    """
    for verb in verbs:
        _add(table, "sqlite", SQLITE.format(table=table.name, verb=verb))
    _add(table, "postgresql", FUNCTION)
    for verb in [*verbs, *(["TRUNCATE"] if "DELETE" in verbs else [])]:
        _add(table, "postgresql", POSTGRESQL.format(table=table.name, verb=verb))


def _add(table: sa.Table, dialect: str, text: str) -> None:
    event.listen(table, "after_create", sa.DDL(text.replace("%", "%%")).execute_if(dialect=dialect))
