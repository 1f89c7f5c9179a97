"""Two processes never write the outputs of one stage, and what killed ones left is removed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core import artifacts, output_lock, stage_runner

ROOT = Path(__file__).parents[2]
HOLD = """
import time
from pipeline.core import output_lock
with output_lock.lock_outputs("make"):
    print("held", flush=True)
    time.sleep({})
"""


def other(seconds):
    """A process that runs the stage for so long, and that has begun."""
    code = HOLD.format(seconds)
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_run_of_a_stage_ends_with_one_line_that_says_who_runs_it(project, monkeypatch, capsys):
    monkeypatch.setattr(output_lock, "WAIT", 0.3)
    monkeypatch.setattr(stage_runner, "restore_outputs", lambda: pytest.fail("the outputs are another's"))
    with other(60) as process:
        with pytest.raises(SystemExit) as caught:
            stage_runner.run("make", lambda: pytest.fail("it ran"))
        process.kill()
    first, second = capsys.readouterr().err.splitlines()
    assert caught.value.code == 1
    assert first == f"make: waiting for process {process.pid}, which writes the same outputs"
    assert second.startswith(
        f"make: process {process.pid} writes the same outputs and has not ended in 0 s; wait until"
    )


def test_a_second_run_waits_for_one_that_ends(project, capsys):
    ran = []
    with other(1), output_lock.lock_outputs("make"):
        ran.append(True)
    assert ran
    assert "waiting for process" in capsys.readouterr().err


def test_a_killed_process_holds_nothing(project, capsys):
    with other(60) as process:
        process.kill()
    with output_lock.lock_outputs("make"):
        pass
    assert capsys.readouterr().err == ""


def test_stages_do_not_wait_for_each_other(project, capsys):
    with other(60) as process:
        with output_lock.lock_outputs("another"):
            pass
        process.kill()
    assert capsys.readouterr().err == ""


def test_processes_that_train_together_hold_once(project, monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    with other(60) as process:
        with output_lock.lock_outputs("make"):
            pass
        process.kill()
    assert capsys.readouterr().err == ""


def test_leftovers_of_processes_that_have_ended_are_removed(project):
    number = ended()
    named = ("data/.quarantine.parquet", "data/assignments/.a.parquet", "reports/.report.html", ".params.yaml")
    for name in (*named, "conf/source/.mine.yaml", "conf/experiment/.tuned.yaml"):
        path = project / f"{name}.{number}.tmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    folder = project / f"data/.predictor.{number}.tmp/inner"
    folder.mkdir(parents=True)
    (folder / "half").touch()
    (project / "reports" / f".data_docs.{number}.tmp").symlink_to(project / "data")
    with output_lock.lock_outputs("make"):
        pass
    assert not list(project.rglob("*.tmp"))
    assert (project / "data").is_dir()  # a link is removed, not what it leads to


def test_what_lives_or_is_no_temporary_name_stays(project):
    (project / "data").mkdir()
    kept = [f".a.{os.getpid()}.tmp", f"a.{ended()}.tmp", ".a.b.tmp", ".a.tmp", f".{ended()}.tmp"]
    for name in kept:
        (project / "data" / name).touch()
    output_lock.sweep()
    assert sorted(one.name for one in (project / "data").iterdir()) == sorted(kept)


def test_a_number_that_was_given_to_another_process_is_noticed(project):
    (project / "data").mkdir()
    path = project / f"data/.a.{os.getpid()}.tmp"
    path.touch()
    os.utime(path, (time.time() - 10**6,) * 2)  # long before this process began
    output_lock.sweep()
    assert not path.exists()


def test_replacing_leaves_what_sweep_finds(project):
    code = (
        "import os; from pathlib import Path; from pipeline.core import artifacts\n"
        "with artifacts.atomic_write(artifacts.PREDICTOR) as folder:\n"
        " folder.mkdir(); (folder / 'x').touch(); os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    (left,) = artifacts.PREDICTOR.parent.iterdir()
    assert output_lock.TEMPORARY.fullmatch(left.name)
    output_lock.sweep()
    assert not list(artifacts.PREDICTOR.parent.iterdir())


def test_git_ignores_leftovers():
    names = ["data/.predictor.123.tmp", "reports/.data_docs.1.tmp/index.html", ".params.yaml.77.tmp", ".cache/locks/a"]
    done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == names
