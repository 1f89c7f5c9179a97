"""What DVC is called for before data are looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.choices.retraining_options import Options
from pipeline.retraining.fetching import fetch_commands


def options(pull: bool = False, update: tuple[str, ...] = ()) -> Options:
    return Options(
        update=list(update), pull=pull, feedback=None, commit=None, push=False, notify_command=None,
        notify_webhook=None, notify_seconds=1.0, notify_always=False,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


def test_outputs_of_stages_are_replaced_and_data_of_people_are_not(repository: Path) -> None:
    """DVC refuses to replace a folder whose new pictures it does not know, unless it is forced."""
    for name in ("pictures.dvc", "data/more pictures.dvc", "gone.dvc", "other.dvc"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).touch()
    subprocess.run(["git", "add", "pictures.dvc", "data", "gone.dvc"], check=True)
    (repository / "gone.dvc").unlink()
    commands = fetch_commands(options(pull=True, update=("pictures.dvc",)))
    assert commands == [
        ["pull", "--force", "dvc.yaml"],
        ["pull", "data/more pictures.dvc", "pictures.dvc"],
        ["update", "pictures.dvc"],
    ]


def test_without_files_of_dvc_the_stages_alone_are_pulled(repository: Path) -> None:
    assert fetch_commands(options(pull=True)) == [["pull", "--force", "dvc.yaml"]]


def test_nothing_is_fetched_unless_conf_says_so(repository: Path) -> None:
    assert fetch_commands(options()) == []
