"""DVC as a child: what its stages print comes through, its own noise does not, signals end it once. Real processes."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from dvc.repo import Repo

from pipeline.experiments import dvc_process
from pipeline.experiments.dvc_process import explain_failure, next_log, run_dvc
from pipeline.experiments.dvc_queue import Refusal

ROOT = Path(__file__).parents[2]
STAGE = """
import signal, sys, time
try:
    print("stage: on a terminal" if sys.stderr.isatty() else "stage: no terminal", flush=True)
    sys.stderr.write("bar 1\\rbar 2\\r\\x1b[31mbar 3\\x1b[0m\\n")
    sys.stderr.flush()
    time.sleep({seconds})
except KeyboardInterrupt:
    print("stage: interrupted", flush=True)
    sys.exit(130)
open("out", "w").write("x")
sys.exit({code})
"""
PROGRAM = """
import sys
from pathlib import Path
from pipeline.experiments.dvc_process import run_dvc
sys.exit(run_dvc(["repro"], Path("run.log"), lambda line: None))
"""
PATIENCE = 60.0  # seconds, on a busy machine

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own use of pygtrie


@pytest.fixture
def make(project):
    def write(seconds: float = 0.0, code: int = 0) -> None:
        (project / "stage.py").write_text(STAGE.format(seconds=seconds, code=code))
        command = f"{sys.executable} stage.py"
        (project / "dvc.yaml").write_text(
            f"stages:\n  it:\n    cmd: {command}\n    deps: [stage.py]\n    outs: [out]\n"
        )

    Repo.init(no_scm=True).close()
    return write


def start(stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=stdout, stderr=stderr, env=environment, start_new_session=True
    )


def test_the_stages_lines_come_through_pipes_and_are_kept(make, capfd):
    make()
    seen: list[str] = []
    log = next_log()
    assert run_dvc(["repro"], log, seen.append) == 0
    shown = capfd.readouterr()
    assert shown.out == "stage: no terminal\n"
    assert shown.err == "bar 1\rbar 2\r\x1b[31mbar 3\x1b[0m\n"
    assert sorted(seen) == ["$ dvc repro", "bar 3", "stage: no terminal"]
    assert sorted(log.read_text().splitlines()) == sorted(seen)
    assert Path("out").exists()


def test_half_a_line_of_stdout_is_no_part_of_a_line_of_stderr(make, capfd):
    make()
    stage = Path("stage.py").read_text()
    half = 'sys.stdout.write("half"); sys.stdout.flush(); time.sleep(0.3); '
    half += 'sys.stderr.write("whole\\n"); sys.stderr.flush(); time.sleep(0.3); print(" line")\n'
    Path("stage.py").write_text(stage.replace("import signal, sys, time\n", f"import signal, sys, time\n{half}"))
    seen: list[str] = []
    assert run_dvc(["repro"], next_log(), seen.append) == 0
    assert {"$ dvc repro", "whole", "half line"} <= {*seen}
    capfd.readouterr()


def test_a_stage_that_fails_is_no_failure_of_dvc(make, capfd):
    make(code=3)
    assert run_dvc(["repro"], next_log(), lambda line: None) not in (0, 3)
    assert "ERROR" not in capfd.readouterr().err
    assert explain_failure(["repro"]) == ""


def test_a_first_run_that_fails_is_not_explained_by_what_it_did_not_write(make, capfd):
    make(code=3)
    text = Path("dvc.yaml").read_text()
    Path("dvc.yaml").write_text(f"{text}  next:\n    cmd: cp out copy\n    deps: [out]\n    outs: [copy]\n")
    assert run_dvc(["repro"], next_log(), lambda line: None) != 0
    assert "ERROR" not in capfd.readouterr().err
    assert explain_failure(["repro"]) == ""


def test_what_stops_dvc_itself_is_one_line(make):
    make()
    Path("stage.py").unlink()
    assert run_dvc(["repro"], next_log(), lambda line: None) != 0
    assert re.match(r"failed to reproduce 'it': .*No such file or directory", explain_failure(["repro"]))


def test_a_broken_dvc_yaml_is_one_line(make):
    make()
    Path("dvc.yaml").write_text("stages: [")
    assert explain_failure(["repro"]) == "'./dvc.yaml' is invalid."


@pytest.mark.parametrize("text", [None, "stages: [", "params: [a.yaml]\n", "- it\n", "stages: [it]\n"])
def test_a_missing_file_is_the_reason_where_dvc_yaml_cannot_be_read(project, monkeypatch, text):
    if text is not None:
        Path("dvc.yaml").write_text(text)

    def refuse(*words):
        raise Refusal("failed to reproduce 'it': [Errno 2] No such file or directory: '/p/out'")

    monkeypatch.setattr(dvc_process, "call_dvc", refuse)
    assert explain_failure(["repro"]).endswith("No such file or directory: '/p/out'")


def read_until(master: int, text: bytes) -> bytes:
    shown, until = b"", time.monotonic() + PATIENCE
    while text not in shown:
        assert time.monotonic() < until, shown
        shown += os.read(master, 1000)
    return shown


def test_on_a_terminal_the_stage_has_one_and_lines_are_not_doubled(make):
    make()
    master, slave = pty.openpty()
    process = start(slave, slave)
    shown = read_until(master, b"bar 3\x1b[0m\r\n")
    assert process.wait(PATIENCE) == 0
    os.close(slave)
    os.close(master)
    assert shown == b"stage: on a terminal\r\nbar 1\rbar 2\r\x1b[31mbar 3\x1b[0m\r\n"
    assert Path("run.log").read_text() == "$ dvc repro\nstage: on a terminal\nbar 3\n"


@pytest.mark.parametrize(("number", "to_all", "code"), [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)])
def test_a_signal_ends_dvc_and_its_stage(make, number, to_all, code):
    """Ctrl-C goes to all processes of the terminal; a SIGTERM that one process gets is passed on."""
    make(seconds=30)
    master, slave = pty.openpty()
    process = start(slave, slave)
    os.close(slave)
    read_until(master, b"on a terminal")
    drain = threading.Thread(target=lambda: [*iter(lambda: _read(master), b"")], daemon=True)
    drain.start()
    os.killpg(process.pid, number) if to_all else process.send_signal(number)
    assert process.wait(PATIENCE) == code
    drain.join(PATIENCE)
    os.close(master)
    assert not Path("out").exists()
    if to_all:
        assert Path("run.log").read_text().count("stage: interrupted") == 1


def _read(master: int) -> bytes:
    try:
        return os.read(master, 1000)
    except OSError:  # all ends are closed
        return b""


def test_logs_are_numbered_and_the_oldest_go(project, monkeypatch):
    monkeypatch.setattr(dvc_process, "KEPT", 3)
    made = []
    for _ in range(12):
        made.append(next_log())
        made[-1].touch()
    assert [path.name for path in made[:2]] == ["run-1.log", "run-2.log"]
    assert sorted(path.name for path in dvc_process.LOGS.iterdir()) == ["run-10.log", "run-11.log", "run-12.log"]


def test_a_secret_is_not_kept(make, monkeypatch, project):
    lines: list[str] = []
    taker = dvc_process._Lines(lines.append)
    taker.add(b"fetch s3://key:secret@host/a\nhalf")
    taker.add(b" a line\r")
    taker.end()
    assert lines == ["fetch s3://***@host/a", "half a line"]


def test_what_a_name_hides_is_escaped_in_the_log():
    lines: list[str] = []
    taker = dvc_process._Lines(lines.append)
    taker.add(b"a\tb\n\x1b]0;title\x07 \xe2\x80\xaename\n")
    assert lines == ["a\tb", r"\x1b]0;title\x07 \u202ename"]


def test_a_bar_that_never_ends_is_bounded():
    lines: list[str] = []
    taker = dvc_process._Lines(lines.append)
    for number in range(5000):
        taker.add(b"\rpicture %d of a great many pictures, at some images a second" % number)
    assert len(taker.rest) <= dvc_process.CHUNK + 100
    taker.end()
    assert lines == ["picture 4999 of a great many pictures, at some images a second"]
