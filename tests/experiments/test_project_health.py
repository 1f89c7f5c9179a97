"""What `colibri doctor` says of a project's folder, from made-up ones."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.experiments import project_health
from pipeline.experiments.project_health import (
    look_at_choices,
    look_at_disk,
    look_at_dvc,
    look_at_git,
    look_at_leftovers,
    look_at_store,
)

ROOT = Path(__file__).parents[2]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def repository(project, monkeypatch):
    for key, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(key, value)
    subprocess.run(["git", "init", "-q"], check=True)
    return project


def commit():
    for words in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], check=True)


def test_git_step_by_step(repository):
    (finding,) = look_at_git()
    assert (finding.state, finding.text) == ("error", "there is no commit")
    Path("file").touch()
    commit()
    (finding,) = look_at_git()
    assert (finding.state, finding.text) == ("warning", "has no name or address for commits")
    for key in ("user.name", "user.email"):
        subprocess.run(["git", "config", key, "a@b"], check=True)
    (finding,) = look_at_git()
    assert finding.state == "ok"
    assert finding.text.startswith("commit ")
    Path("conf").mkdir()
    Path("conf/mine.yaml").touch()
    (finding,) = look_at_git()
    assert finding.state == "warning"
    assert finding.text.endswith("; it does not know conf/mine.yaml")
    assert finding.remedy == "before colibri run --queue: git add conf/mine.yaml && git commit"


def test_no_git(project, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    (finding,) = look_at_git()
    assert (finding.state, finding.remedy) == ("error", "git init && git add -A && git commit -m start")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (finding,) = look_at_git()
    assert finding.text == "is not installed"


def test_dvc(project):
    assert [one.state for one in look_at_dvc()] == ["error"]
    Path(".dvc/tmp").mkdir(parents=True)
    Path("dvc.yaml").touch()
    Path(".dvc/config").write_text("[core]\n    remote = store\n[cache]\n    type = hardlink\n")
    (finding,) = look_at_dvc()
    assert (finding.state, finding.text) == ("ok", "initialised; cache by hardlink; remote store")


@pytest.mark.parametrize(
    ("pid", "text"),
    [(2**22 - 1, "names processes that have ended (4194303)"), (None, "runs the pipeline here")],
    ids=["ended", "this one"],
)
def test_the_lock_of_dvc(project, pid, text):
    Path(".dvc/tmp").mkdir(parents=True)
    Path("dvc.yaml").touch()
    lock = {"/data/x": {"write": {"pid": pid or os.getpid(), "cmd": "dvc repro"}}}
    Path(".dvc/tmp/rwlock").write_text(json.dumps(lock))
    _, finding = look_at_dvc()
    assert finding.state == "warning"
    assert text in finding.text
    assert finding.remedy


@pytest.mark.parametrize(("free", "state"), [(0.4, "error"), (1.0, "warning"), (5.0, "ok")])
def test_disk(project, monkeypatch, free, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, int(free * project_health.GIB)))
    (finding,) = look_at_disk()
    assert (finding.state, finding.text) == (state, f"{free:.1f} GiB free; a run writes up to 0.5 GiB")


def test_the_store_is_a_file(project, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(project))
    (finding,) = look_at_store()
    assert finding.text.endswith("does not exist yet: the first run makes it")
    Path("mlflow.db").write_text("no database at all, but a text of some length")
    (finding,) = look_at_store()
    assert finding.state == "error"
    assert finding.remedy == f"mv {project}/mlflow.db {project}/mlflow.db.broken"
    Path("mlflow.db").unlink()
    database = sqlite3.connect("mlflow.db")
    database.execute("create table alembic_version (version_num text)")
    database.close()
    (finding,) = look_at_store()
    assert (finding.state, finding.text[-8:]) == ("ok", " answers")


def test_a_server_that_does_not_answer_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    (finding,) = look_at_store()
    assert finding.state == "error"
    assert "secret" not in finding.text
    assert finding.remedy == "start the server, or correct MLFLOW_TRACKING_URI"


def test_leftovers(project):
    assert [*look_at_leftovers()] == []
    Path("data").mkdir()
    Path("data/.embeddings.6305.tmp").mkdir()
    Path(".checkpoints/x").mkdir(parents=True)
    incomplete, checkpoints = look_at_leftovers()
    assert incomplete.text == "1 incomplete files of a run that was killed, the first is data/.embeddings.6305.tmp"
    assert checkpoints.remedy == "to start again: rm -r .checkpoints"


def test_choices(project):
    shutil.copytree(ROOT / "conf", "conf")
    Path("requirements.lock").touch()  # what the default source watches
    (finding,) = look_at_choices()
    assert finding.state == "ok"
    text = config.compose()
    Path("params.yaml").write_text(text)
    assert len([*look_at_choices()]) == 1
    Path("params.yaml").write_text(text.replace("epochs: 5", "epochs: 6"))
    _, edited = look_at_choices()
    assert (edited.state, edited.name) == ("warning", "params")
    Path("conf/gate.txt").touch()
    path = Path("conf/gate/superior.yaml")
    path.write_text(path.read_text().replace("metric: f1_macro", "metric: f1_macr"))
    (finding,) = look_at_choices()
    assert (finding.state, finding.name) == ("error", "conf")
    assert "did you mean 'f1_macro'" in finding.text
