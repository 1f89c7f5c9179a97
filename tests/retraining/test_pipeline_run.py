"""What stopped a run, and whether one is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.retraining import pipeline_run


def test_the_stage_that_stopped_a_run_is_found() -> None:
    stages = ["ingest", "check", "train"]
    printed = ["ingest: 5 pictures without a label", "check: stopped by shortcut", "page: reports/checks.html"]
    assert pipeline_run.find_failure(printed, stages) == ("check", "check: stopped by shortcut")
    assert pipeline_run.find_failure(["nothing"], stages) == ("", "")


def test_a_run_that_an_earlier_call_left_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline_run.RUNNING.parent.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        held = {
            "/a": {"write": {"pid": other.pid, "cmd": "dvc repro"}},
            "/b": {"read": [{"pid": 2**22 + 1, "cmd": ""}]},
        }
        pipeline_run.RUNNING.write_text(json.dumps(held))
        assert pipeline_run.running_processes() == [other.pid]
        other.kill()
    assert pipeline_run.running_processes() == []
