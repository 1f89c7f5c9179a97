"""What make says and starts, in folders with names that shells and URLs read as something else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STRANGE = "a b?c#d%2F$(false)'e`f`"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def folder(tmp_path):
    """The Makefile, and what it installs from, in a folder that git knows nothing of."""
    place = tmp_path / STRANGE
    place.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, place / name)
    return place


def make(folder, *arguments, **more):
    own = ("MAKE", "MFLAGS", "MLFLOW_", "GIT_")  # of a make or a git that runs the tests
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"GIT_CEILING_DIRECTORIES": str(folder.parent), "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_without_git_nothing_is_installed(folder):
    done = make(folder, "repro")
    first, *others = done.stderr.splitlines()
    assert first == (
        "this folder is no git repository, which DVC needs (a downloaded zip?); "
        "run git init && git add -A && git commit -m start, then make repro"
    )
    assert [line.split(":")[0] for line in others] == ["make"]  # that it stopped
    assert (done.returncode, done.stdout) == (2, "")
    assert not (folder / ".venv").exists()


def test_in_a_repository_the_environment_comes_first_and_then_the_pipeline(folder):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    lines = make(folder, "-n", "repro").stdout.splitlines()
    assert lines.index("dvc repro") > lines.index("python3 -m venv .venv")


def test_a_path_with_a_colon_is_refused(tmp_path):
    place = tmp_path / "a:b"
    place.mkdir()
    shutil.copy(ROOT / "Makefile", place)
    done = make(place, "repro")
    assert "the folder's path holds a colon" in done.stderr
    assert done.returncode == 2


@pytest.fixture
def installed(folder):
    """As after an installation, with programs that only print what they are given."""
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    for name in ("dvc", "colibri", "mlflow"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*|$MLFLOW_BACKEND_STORE_URI|$0"\n')
        (programs / name).chmod(0o755)
    (folder / ".venv/.installed").touch()
    return folder


def test_the_installed_programs_are_found(installed):
    done = make(installed, "repro")
    programs = installed / ".venv/bin"
    assert done.stdout.splitlines() == [f"dvc repro||{programs}/dvc", f"colibri summary||{programs}/colibri"], (
        done.stderr
    )


def test_the_pages_are_those_of_the_installed_command(installed):
    done = make(installed, "ui")
    assert done.stdout.splitlines() == [f"colibri ui||{installed}/.venv/bin/colibri"], done.stderr
