"""A stage that is ended from outside puts its outputs back; nothing of it stays behind. All with real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from default_signals import restore_signals
from dvc.repo import Repo

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds, on a busy machine

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own use of pygtrie

STAGE = """
import sys, time
from pathlib import Path
from pipeline.core import parallel, stage_runner

def nap(item):
    Path(f"worker{item}").write_text(str(__import__("os").getpid()))
    time.sleep(60)

def main():
    Path("ready").write_text(str(__import__("os").getpid()))
    if "workers" in sys.argv:
        parallel.num_workers = lambda: 2
        list(parallel.parallel_map(nap, range(64), 64, "nap"))
    time.sleep(float(sys.argv[1]))
    return ["all is well"]

if "slow" in sys.argv:
    def restore():
        Path("begun").touch()
        time.sleep(1)
        Path("restored").touch()
    stage_runner.restore_outputs = restore
stage_runner.run("make", main)
"""


@pytest.fixture
def made(project):
    """A project whose only stage has run, and whose output DVC has removed as it does before the next run."""
    (project / "stage.py").write_text(STAGE)
    (project / "dvc.yaml").write_text("stages:\n  make:\n    cmd: echo early > kept\n    outs: [kept]\n")
    with Repo.init(no_scm=True) as repo:
        repo.reproduce()
    (project / "kept").unlink()
    return project


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def start(*arguments, **options):
    command = [sys.executable, "stage.py", *map(str, arguments)]
    told = {"env": environment(DVC_STAGE="make"), "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{**told, "preexec_fn": restore_signals, **options})


def wait_for(holds, what):
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def number_in(path):
    wait_for(lambda: path.exists() and path.read_text(), path)
    return int(path.read_text())


def gone(number):
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGTERM, "make: ended by SIGTERM; the same command goes on\n"),
        (signal.SIGHUP, "make: ended by SIGHUP; the same command goes on\n"),
        (signal.SIGINT, "make: interrupted; the same command goes on\n"),
    ],
)
def test_a_signal_puts_the_outputs_back(made, number, line):
    with start(60) as process:
        number_in(made / "ready")
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (128 + number, line)
    assert (made / "kept").read_text() == "early\n"


def test_further_signals_do_not_disturb(made):
    with start(60, "slow") as process:
        number_in(made / "ready")
        process.send_signal(signal.SIGTERM)
        wait_for((made / "begun").exists, "begun")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGINT):
            process.send_signal(number)
            time.sleep(0.1)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert (made / "restored").exists()


def test_what_nohup_ignores_stays_ignored(made):
    with start(1, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        number_in(made / "ready")
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize("shell", ["{}", "{}; true"], ids=["the shell becomes the stage", "the shell stays"])
def test_a_stage_ends_with_dvc(made, shell):
    """DVC starts a shell; most become what they are told to run, and some stay between."""
    command = shell.format(f"{sys.executable} stage.py 60")
    code = (
        "import os, subprocess, sys\n"
        "subprocess.run(['/bin/sh', '-c', sys.argv[1]], env={**os.environ, 'DVC_STAGE': 'make'})"
    )
    with subprocess.Popen([sys.executable, "-c", code, command], env=environment(), stderr=subprocess.DEVNULL) as dvc:
        number = number_in(made / "ready")
        dvc.kill()
    wait_for(lambda: gone(number), "the stage lives on")
    assert (made / "kept").read_text() == "early\n"


def test_worker_processes_end_with_the_stage(made):
    with start(60, "workers") as process:
        workers = [number_in(made / f"worker{item}") for item in (0, 16)]
        process.kill()
    wait_for(lambda: all(map(gone, workers)), "workers live on")


def test_a_signal_ends_the_worker_processes_too(made):
    with start(60, "workers") as process:
        workers = [number_in(made / f"worker{item}") for item in (0, 16)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    wait_for(lambda: all(map(gone, workers)), "workers live on")


def test_a_stage_that_nobody_but_a_person_runs_does_not_ask_for_dvc(made):
    code = "import subprocess, sys; subprocess.Popen([sys.executable, 'stage.py', '2'])"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
    number = number_in(made / "ready")  # whose parent has ended
    time.sleep(1.2)
    assert not gone(number)
    wait_for(lambda: gone(number), "the stage has an end")
