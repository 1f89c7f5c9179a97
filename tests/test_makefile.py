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


@pytest.mark.parametrize("goal", ["install", "repro", "test"])
def test_without_git_nothing_is_installed(goal, folder):
    done = make(folder, goal)
    first, *others = done.stderr.splitlines()
    assert first == (
        "this folder is no git repository, which DVC needs (a downloaded zip?); "
        f"run git init && git add -A && git commit -m start, then make {goal}"
    )
    assert [line.split(":")[0] for line in others] == ["make"]  # that it stopped
    assert (done.returncode, done.stdout) == (2, "")
    assert not (folder / ".venv").exists()


def test_in_a_repository_the_environment_comes_first_and_then_the_pipeline(folder):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    lines = make(folder, "-n", "repro").stdout.splitlines()
    made = next(line for line in lines if line.endswith(" -m venv .venv"))
    assert lines.index("colibri run") > lines.index(made)


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
    assert done.stdout.splitlines() == [f"colibri run||{programs}/colibri"], done.stderr


def test_the_pages_are_those_of_the_installed_command(installed):
    done = make(installed, "ui")
    assert done.stdout.splitlines() == [f"colibri ui||{installed}/.venv/bin/colibri"], done.stderr


def pythons(folder, **versions):
    """Programs of these names; each says whether it is in range."""
    folder.mkdir()
    for name, fits in versions.items():
        file = folder / name.replace("_", ".")
        file.write_text(f"#!/bin/sh\n{'exit 0' if fits else 'exit 1'}\n")
        file.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("versions", "taken"),
    [
        ({"python3_13": True, "python3_12": True, "python3_11": True}, "python3.13"),
        ({"python3_13": False, "python3_12": True, "python3_11": True}, "python3.12"),
        ({"python3_13": False, "python3_12": False, "python3_11": True}, "python3.11"),
        ({"python3_13": False, "python3_12": False, "python3_11": False}, "python3"),
    ],
)
def test_the_newest_python_in_range_makes_the_environment(versions, taken, folder, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    done = make(folder, "-n", "install", **pythons(tmp_path / "bin", **versions))
    assert f"{taken} -m venv .venv" in done.stdout.splitlines()
    done = make(folder, "-n", "install", PYTHON="mine", **pythons(tmp_path / "bin2", **versions))
    assert "mine -m venv .venv" in done.stdout.splitlines()


def test_extras_are_installed_within_the_lock_and_kept_in_mind(installed):
    plain = make(installed, "-n", "install").stdout
    assert "--constraint" not in plain
    asked = make(installed, "-n", "install", "EXTRAS=remote").stdout
    assert "uv pip install --quiet --python .venv/bin/python --constraint requirements.lock" in asked
    assert "-r requirements.lock" not in asked  # the locked environment stays as it is
    (installed / ".venv/.extras").write_text("remote\n")
    assert "--constraint requirements.lock" in make(installed, "-n", "install").stdout
    (installed / ".venv/.installed-with-remote").touch()
    assert "--constraint" not in make(installed, "-n", "install").stdout
