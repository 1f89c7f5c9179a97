"""DVC itself, on the dependencies of ingest: a change in either place of `watch` runs it again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.core import config

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dvc(project, tmp_path):
    """Starts dvc in a project whose ingest only writes its output."""
    ingest = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["ingest"]
    watched = [dep for dep in ingest["deps"] if "$" in dep]
    stage = {"cmd": "echo made > made.txt", "deps": watched, "outs": ["made.txt"]}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"ingest": stage}}))

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=project,
            env={**os.environ, "DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "--no-scm", "--quiet")
    return run


@pytest.mark.slow
def test_a_change_in_either_place_is_noticed(dvc, project, tmp_path):
    table, pictures = tmp_path / "tables/labels.csv", tmp_path / "pictures"
    table.parent.mkdir()
    pictures.mkdir()
    table.write_text("a")
    (pictures / "1.png").write_text("a")
    chosen = ["source=folder", f"source.watch=[{table},{pictures}]"]
    (project / "params.yaml").write_text(config.compose(ROOT / "conf", chosen), encoding="utf-8")
    assert "Running stage 'ingest'" in dvc("repro")
    assert "Running stage" not in dvc("repro")
    table.write_text("b")
    assert "Running stage 'ingest'" in dvc("repro")
    (pictures / "2.png").write_text("b")
    assert "Running stage 'ingest'" in dvc("repro")
    one = [*chosen[:1], f"source.watch={pictures}"]
    (project / "params.yaml").write_text(config.compose(ROOT / "conf", one), encoding="utf-8")
    assert "Running stage 'ingest'" in dvc("repro")
    assert "Running stage" not in dvc("repro")


@pytest.mark.slow
def test_feedback_is_kept_and_noticed_and_its_absence_is_no_error(dvc, project):
    """As `colibri retrain` writes it: DVC keeps the folder, and ingest depends on it."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert "data/feedback" in stages["ingest"]["deps"]
    stage = {"cmd": "echo made > made.txt", "deps": ["data/feedback"], "outs": ["made.txt"]}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"ingest": stage}}))
    (project / "data/feedback").mkdir(parents=True)
    (project / "data/feedback/README.md").write_text("as git has it")
    assert "Running stage 'ingest'" in dvc("repro")
    labels = project / "data/feedback/x/labels.csv"
    labels.parent.mkdir()
    labels.write_text("image,label")
    dvc("add", "data/feedback/x")
    assert "Running stage 'ingest'" in dvc("repro")
    shutil.rmtree(labels.parent)
    dvc("checkout")
    assert labels.read_text() == "image,label"
    assert "Running stage" not in dvc("repro")


def test_git_ignores_what_dvc_keeps():
    """DVC adds what is missing to .gitignore, so that git shows a change nobody made after the first run."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    outputs = [one for stage in stages for one in (*stage.get("outs", []), *stage.get("metrics", []))]
    paths = [one if isinstance(one, str) else next(iter(one)) for one in outputs]
    kept = [Path(path) for path in paths if path != "params.yaml"]  # the one that git keeps
    assert len(kept) > 30
    assert [str(path) for path in kept if f"/{path.name}" not in read_lines(path.parent / ".gitignore")] == []


def read_lines(path):
    return (ROOT / path).read_text(encoding="utf-8").splitlines()
