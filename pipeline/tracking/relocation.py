"""Updates the paths of artifacts in MLflow's database, which are absolute, after a project was moved or copied."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pipeline.core.uris import file_path

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)
ARTIFACTS = "mlruns"


def relocate(connection: sqlite3.Connection, folder: Path, ours: bool) -> None:
    """Rewrites every place below the former folder, within the transaction that is open.

    Artifacts are in `mlruns/` in the folder of the database. Where an experiment has another `mlruns/`, the two were
    moved or copied together, and what is logged from now on must not land in the folder that they came from.

    Args:
        connection: To the database.
        folder: In which it lies.
        ours: Whether it is the project's own database. One that `MLFLOW_TRACKING_URI` names may well keep its
            artifacts elsewhere: it was moved only where that place is gone.
    """
    before, now = _place(connection), (folder / ARTIFACTS).as_uri()
    if before is None or before == now:
        return
    former = file_path(before)
    if former is None or former.name != ARTIFACTS or (not ours and former.exists()):
        return
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, column in PLACES:
        if table in tables:
            for old, new in ((before, now), (str(former), str(folder / ARTIFACTS))):
                connection.execute(
                    f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "  # noqa: S608 our names
                    f"WHERE {column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'",
                    {"old": old, "new": new},
                )


def _place(connection: sqlite3.Connection) -> str | None:
    """The artifact location of Colibri's experiments, or None where there is no such table or row yet."""
    query = "SELECT artifact_location FROM experiments WHERE name = 'colibri' OR name LIKE 'colibri-%'"
    try:
        found = connection.execute(f"{query} ORDER BY experiment_id").fetchone()
    except sqlite3.OperationalError:
        return None
    return str(found[0]) if found and found[0] else None
