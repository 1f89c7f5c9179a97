"""One command of dvc.yaml in a copy of the project, without DVC, its caches and the project's MLflow store."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from pipeline.core.errors import UserError

PATIENCE = 20.0  # seconds for a stage to end after a signal


def run_stage(stage: str, command: str, scratch: Path, log: IO[str]) -> None:
    """Runs a command of dvc.yaml in a copy of the project; whatever ends this process ends the stage too.

    Args:
        stage: Its name.
        command: As dvc.yaml has it.
        scratch: The project's folder in the copy.
        log: Takes what it prints.

    Raises:
        UserError: It fails.
    """
    log.write(f"$ {command}\n")
    log.flush()
    start = log.tell()
    with subprocess.Popen(
        shlex.split(command),
        cwd=scratch,
        env=make_environment(scratch),
        stdout=log,
        stderr=log,
        start_new_session=True,
    ) as process:
        try:
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
    if code:
        printed = Path(log.name).read_bytes()[start:].decode(errors="replace").strip().splitlines()
        last = next((line for line in reversed(printed) if line.strip()), "it printed nothing")
        raise UserError(f"{stage} failed where it was run again: {last}; log: {log.name}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a stage and the processes that it has started."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(PATIENCE)
            return
        except subprocess.TimeoutExpired:
            continue


def make_environment(scratch: Path) -> dict[str, str]:
    """The variables of a stage that is run again: the code of the copy, and nothing of DVC, git and MLflow.

    Without them the copy is its own main checkout, so that its store and its ledger are files in it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "GIT_"))}
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(scratch),
        "DVC_EXP_NAME": "verify",  # so that compose keeps params.yaml, which may hold the overrides of an experiment
    }
