"""A year of `colibri retrain` in a minute or two of a processor: the months of benchmarks/year_months.py."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from forked_python import LIBRARIES, forked_python

from benchmarks.retrained_project import RetrainedProject
from benchmarks.year_months import MONTHS, check_story

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("year"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forked_python is for Linux"),
]


@contextmanager
def one_core() -> Iterator[None]:
    """Processes that start in this block have one core, so that no stage starts others, each with all its imports."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def test_a_year_of_retraining_tells_one_story(tmp_path: Path) -> None:
    for name in ("project", "remote", "forked", "warm"):
        (tmp_path / name).mkdir()
    project = RetrainedProject(tmp_path / "project", tmp_path / "remote")
    own = project.environment()
    tests = f"{Path(__file__).parent}{os.pathsep}{own['PYTHONPATH']}"
    warm = own | {"WARM_FOLDER": str(tmp_path / "warm"), "PYTHONPATH": tests}
    with one_core():
        server = forked_python(tmp_path / "forked", warm, (*LIBRARIES, "warm_project"))
        folder = server.__enter__()
    try:
        project.first = (folder,)
        project.begin()
        for number, month in enumerate(MONTHS):
            project.month, start = number, time.monotonic()
            found = month.happen(project)
            print(f"{month.name:10} {found} ({time.monotonic() - start:.0f} s)", flush=True)
        check_story(project)
    finally:
        server.__exit__(None, None, None)
