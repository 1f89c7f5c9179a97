"""Who is champion and since when, read from a store that need not exist."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pytest

from pipeline.tracking import connection, registry, retrainings


def test_champion_and_newest_version_are_those_of_the_store(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "mlflow.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    for key, value in connection.QUIET.items():
        monkeypatch.setenv(key, value)
    assert (retrainings.read_versions("m"), retrainings.champion_time("m")) == ((None, None), None)
    assert not database.exists()  # a look makes no store
    shutil.copy(empty_store, database)
    assert (retrainings.read_versions("m"), retrainings.champion_time("m")) == ((None, None), None)
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    client.create_registered_model("m")
    for _ in range(11):
        client.create_model_version("m", (tmp_path / "model").as_uri(), run_id=None)
    assert retrainings.read_versions("m") == (None, "11")  # by number, not as text
    client.set_registered_model_alias("m", "champion", "9")
    assert retrainings.read_versions("m") == ("9", "11")
    made = retrainings.champion_time("m")
    assert made is not None
    assert abs((datetime.now(UTC) - made).total_seconds()) < 600
    found = registry.champion("m")
    assert found is not None
    assert found[0] == "9"
