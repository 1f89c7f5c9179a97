"""Tables that only grow: the database itself refuses to change a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SQLITE = """CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} only grows: no {verb}'); END"""
SQLITE_REPLACE = """CREATE TRIGGER IF NOT EXISTS {table}_REPLACE BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key} OR rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, '{table} only grows: no REPLACE'); END"""  # which deletes a row without a trigger of DELETE
FUNCTION = """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION '% only grows: no %', TG_TABLE_NAME, TG_OP; END$$"""
POSTGRESQL = (
    "CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)

STATEMENTS = "triggers"  # of SQLite, in the `info` of a table


def only_grows(table: sa.Table, verbs: Sequence[str] = ("UPDATE", "DELETE")) -> None:
    """Makes SQLite and PostgreSQL refuse these verbs on a table; the triggers are made with the table.

    Args:
        table: With a plain name, and a key of one column.
        verbs: Of SQL. PostgreSQL refuses TRUNCATE with DELETE.
    """
    (key,) = table.primary_key.columns.keys()
    table.info[STATEMENTS] = [SQLITE.format(table=table.name, verb=verb) for verb in verbs]
    table.info[STATEMENTS].append(SQLITE_REPLACE.format(table=table.name, key=key))
    for text in table.info[STATEMENTS]:
        _add(table, "sqlite", text)
    _add(table, "postgresql", FUNCTION)
    for verb in [*verbs, *(["TRUNCATE"] if "DELETE" in verbs else [])]:
        _add(table, "postgresql", POSTGRESQL.format(table=table.name, verb=verb))


def add_missing_triggers(engine: sa.Engine, tables: Iterable[sa.Table]) -> None:
    """Makes the triggers of SQLite that tables of an earlier Colibri lack.

    Args:
        engine: Of a database with these tables.
        tables: Given to `only_grows` before.
    """
    if engine.dialect.name != "sqlite":
        return
    with engine.begin() as connection:
        for table in tables:
            for text in table.info[STATEMENTS]:
                connection.exec_driver_sql(text)


def _add(table: sa.Table, dialect: str, text: str) -> None:
    event.listen(table, "after_create", sa.DDL(text.replace("%", "%%")).execute_if(dialect=dialect))
