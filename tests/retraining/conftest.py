"""A project whose pipeline takes no time, with a store for MLflow."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from conf_options import composed
from retraining_world import NOW, SENT, World, git

from pipeline.core import config
from pipeline.retraining import data_changes, pipeline_run
from pipeline.tracking import connection, retrainings


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with one MLflow store for all tests, each of which has a data set of its own."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(empty_store, folder / "mlflow.db")
    return folder


@pytest.fixture
def world(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(store))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    for key, value in connection.QUIET.items():
        monkeypatch.setenv(key, value)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    git("init", "-q", "-b", "main")
    Path("start").touch()
    Path(".gitignore").write_text(".cache\n*.db\n*.lock\n!dvc.lock\nsent.jsonl\nmlruns\n")
    git("add", "-A")
    git("commit", "-qm", "start")
    made = World()
    catch = f"import sys; open({str(tmp_path / SENT)!r}, 'a').write(sys.stdin.read())"
    params = {
        "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0},
        "source": {"name": tmp_path.name},
        "register": {"model_name": "m"},
        **{name: composed()[name] for name in ("retrain", "monitor", "monitoring")},
        "retraining": composed()["retraining"]
        | {"commit": "retrained", "notify_command": [sys.executable, "-c", catch], "notify_seconds": 20},
    }
    monkeypatch.setattr(config, "compose", lambda: json.dumps(params))
    monkeypatch.setattr("pipeline.choices.params_check.refuse_misfits", lambda params: None)
    monkeypatch.setattr(data_changes, "read_reference", lambda: made.reference)
    monkeypatch.setattr(data_changes, "ingest_now", lambda params: made.manifest)
    monkeypatch.setattr(pipeline_run, "run_pipeline", made.run)
    monkeypatch.setattr(retrainings, "champion_time", lambda name: NOW - timedelta(days=5) if made.versions else None)
    monkeypatch.setattr(
        retrainings, "read_versions", lambda name: (made.champion, str(len(made.versions)) if made.versions else None)
    )
    return made
