"""A stage that is ended while it loads its libraries puts its outputs back as later. All with real processes."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from default_signals import restore_signals
from dvc.repo import Repo

ROOT = Path(__file__).parents[2]
STAGES = sorted(path.stem for path in (ROOT / "pipeline/stages").glob("*.py") if path.stem != "__init__")
PATIENCE = 60.0  # seconds, on a busy machine
SLOW = """
import sys, time
from pathlib import Path

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "pipeline.core.config" and "-m" in sys.orig_argv:  # all stages import it
            Path("importing").touch()
            {fault}

sys.meta_path.insert(0, Slow())
"""
SLEEP = """
            try:
                time.sleep(60)
            except BaseException:  # as some libraries do
                pass"""

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own use of pygtrie


def start(stage: str, folder: Path, fault: str = SLEEP, **environment: str) -> subprocess.Popen[str]:
    """The stage, in whose imports something happens."""
    (folder / "faulty").mkdir()
    (folder / "faulty/sitecustomize.py").write_text(SLOW.format(fault=fault))
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'faulty'}{os.pathsep}{ROOT}", **environment}
    command = [sys.executable, "-m", f"pipeline.stages.{stage}"]
    pipes = {"stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, preexec_fn=restore_signals, **pipes)


def wait_for_imports(folder: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not (folder / "importing").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def made(project: Path) -> Path:
    """A project whose only stage has run, and whose output DVC has removed as it does before the next run."""
    (project / "dvc.yaml").write_text("stages:\n  split:\n    cmd: echo early > output\n    outs: [output]\n")
    with Repo.init(no_scm=True) as repo:
        repo.reproduce()
    (project / "output").unlink()
    return project


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGTERM, "split: ended by SIGTERM; the same command goes on\n"),
        (signal.SIGHUP, "split: ended by SIGHUP; the same command goes on\n"),
        (signal.SIGINT, "split: interrupted; the same command goes on\n"),
    ],
)
def test_a_signal_puts_the_outputs_back(made: Path, number: int, line: str) -> None:
    with start("split", made, DVC_STAGE="split") as process:
        wait_for_imports(made)
        process.send_signal(number)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)  # further signals do not disturb
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (128 + number, line)
    assert (made / "output").read_text() == "early\n"


def test_a_library_that_cannot_be_loaded_shows_why_and_puts_the_outputs_back(made: Path) -> None:
    with start("split", made, fault="raise ImportError('a broken library')", DVC_STAGE="split") as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert said.splitlines()[-1] == "ImportError: a broken library"
    assert (made / "output").read_text() == "early\n"


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_can_be_ended_without_its_one_line(stage: str, tmp_path: Path) -> None:
    with start(stage, tmp_path) as process:
        wait_for_imports(tmp_path)
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (
        128 + signal.SIGTERM,
        f"{stage}: ended by SIGTERM; the same command goes on\n",
    )


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_run_under_its_name(stage: str) -> None:
    last = ast.parse((ROOT / f"pipeline/stages/{stage}.py").read_text(encoding="utf-8")).body[-1]
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "__name__ == '__main__'"
    (call,) = last.body
    assert ast.unparse(call).startswith(f"stage_runner.run('{stage}', ")


def test_who_only_imports_a_stage_keeps_its_own_signals(tmp_path: Path) -> None:
    code = (
        "import signal, sys, pipeline.stages.split\n"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
        "assert sys.excepthook is sys.__excepthook__"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
