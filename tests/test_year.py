"""A year of `colibri retrain` in three minutes of a processor: the months of benchmarks/year_months.py."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from forked_python import LIBRARIES, forked_python

from benchmarks.retrained_project import RetrainedProject
from benchmarks.year_months import MONTHS, check_story

UNUSED = (  # by a logistic regression
    *("torch._dynamo", "torchvision", "timm", "accelerate"),
    *("dvc_task", "dvc.commands.experiments.run", "dvc.repo.experiments"),
)
USED = (*(name for name in LIBRARIES if name not in UNUSED), "warm_project")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.year,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forked_python is for Linux"),
]


@contextmanager
def single_core() -> Iterator[None]:
    """Processes that start in this block have one core, so that no stage starts others, each with all its imports."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[RetrainedProject]:
    """A project whose processes are forks of one that has its code and libraries imported."""
    for name in ("project", "remote", "forked", "warm"):
        (tmp_path / name).mkdir()
    made = RetrainedProject(tmp_path / "project", tmp_path / "remote")
    variables = made.environment() | {"WARM_FOLDER": str(tmp_path / "warm")}
    for name in ("warm_project.py", "composed_once.py"):  # the folder of the tests is not on the server's path
        shutil.copy(Path(__file__).parent / name, tmp_path / "warm")
    variables["PYTHONPATH"] += f"{os.pathsep}{tmp_path / 'warm'}"
    with ExitStack() as stack:
        with single_core():
            folder = stack.enter_context(forked_python(tmp_path / "forked", variables, USED))
        made.first = (folder,)
        made.begin()
        yield made


def test_a_year_of_retraining_tells_one_story(project: RetrainedProject) -> None:
    for number, month in enumerate(MONTHS):
        project.month, start = number, time.monotonic()
        found = month.happen(project)
        print(f"{month.name:10} {found} ({time.monotonic() - start:.0f} s)", flush=True)
    assert len(MONTHS) == 12
    check_story(project)
