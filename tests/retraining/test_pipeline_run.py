"""What stopped a run, and whether one is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.retraining import pipeline_run
from pipeline.retraining.data_changes import DataRefused


def test_the_stage_that_stopped_a_run_is_found() -> None:
    stages = ["ingest", "check", "train"]
    printed = ["ingest: 5 pictures without a label", "check: stopped by shortcut", "page: reports/checks.html"]
    assert pipeline_run.find_failure(printed, stages) == ("check", "check: stopped by shortcut")
    assert pipeline_run.find_failure(["nothing"], stages) == ("", "")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pipeline_run.RUNNING.parent.mkdir(parents=True)
    return tmp_path


def record(*numbers: int) -> None:
    """What DVC writes of processes that write here."""
    held = {f"/{number}": {"pid": number, "cmd": "dvc repro"} for number in numbers}
    reads = {"/b": [{"pid": 2**22 + 1, "cmd": ""}]}
    pipeline_run.RUNNING.write_text(json.dumps({"write": held, "read": reads}))


def test_a_run_that_an_earlier_call_left_is_seen(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        record(other.pid)
        assert pipeline_run.running_processes() == [other.pid]
        monkeypatch.setattr(pipeline_run, "LONGEST_WAIT", 0.05)
        monkeypatch.setattr(pipeline_run, "PAUSE", 0.02)
        with pytest.raises(UserError, match=rf"rwlock: process {other.pid} still runs stages here after .* \(kill "):
            pipeline_run.wait_for_other_run()
        assert pipeline_run.RUNNING.exists()
        other.kill()
    assert pipeline_run.running_processes() == []
    pipeline_run.wait_for_other_run()
    assert not pipeline_run.RUNNING.exists()  # DVC would wait for the next process of that number


def test_a_process_that_has_only_the_number_of_a_recorded_one_is_not_waited_for(project: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        record(other.pid)
        hour_ago = time.time() - 3600  # as a record of before a reboot, or of another container
        os.utime(pipeline_run.RUNNING, (hour_ago, hour_ago))
        assert pipeline_run.running_processes() == []
        other.kill()


def test_neither_this_process_nor_a_thread_is_waited_for(project: Path) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert thread.native_id is not None
    record(os.getpid(), thread.native_id)
    assert pipeline_run.running_processes() == []
    end.set()
    thread.join()


@pytest.mark.parametrize(
    ("line", "error"), [("check: stopped by shortcut", DataRefused), ("ingest: No space left on device", UserError)]
)
def test_a_stage_that_cannot_read_or_write_has_not_refused_the_data(
    project: Path, line: str, error: type[UserError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(words: list[str], log: Path, see: Callable[[str], None]) -> int:
        see(line)
        return 1

    monkeypatch.setattr(pipeline_run, "run_dvc", run)
    Path("dvc.yaml").write_text("stages: {ingest: {}, check: {}}")
    with pytest.raises(UserError, match=line) as raised:
        pipeline_run.run_pipeline()
    assert type(raised.value) is error


def test_a_run_of_dvc_counts_between_two_stages_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It then records nothing, and a second run would find params.yaml busy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    command = [sys.executable, "-c", "import time; time.sleep(60)", "-m", "dvc", "repro", "--quiet"]
    here, elsewhere = (subprocess.Popen(command, cwd=folder) for folder in (tmp_path, tmp_path / "other"))
    try:
        assert pipeline_run.running_processes() == [here.pid]
    finally:
        for process in (here, elsewhere):
            process.kill()
            process.wait()
    assert pipeline_run.running_processes() == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/usr/bin/python3 -m dvc repro", True),
        ("/opt/python3.11 -IS /opt/dvc -q repro --quiet", True),
        ("dvc repro", True),
        ("dvc -v repro -f", True),
        ("tmux new -d dvc repro", False),
        ("watch dvc repro --dry", False),
        ("dvc status repro", False),
        ("vim dvc repro", False),
        ("python train.py", False),
        ("", False),
    ],
)
def test_only_dvc_itself_is_a_run(line: str, expected: bool) -> None:
    assert pipeline_run.is_repro(line.split()) == expected
