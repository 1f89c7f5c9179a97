"""A stage ends with 0, or with one line, an exit code, and the earlier outputs back."""

import errno
import os
import re
import sqlite3

import pytest
from dvc.repo import Repo
from safetensors import SafetensorError

from pipeline.core import durations, stage_runner
from pipeline.core.errors import UserError


def ending(main, capsys):
    """The exit code and stderr of a stage."""
    with pytest.raises(SystemExit) as caught:
        stage_runner.run("split", main)
    return caught.value.code, capsys.readouterr().err


def raising(error):
    def main():
        raise error

    return main


@pytest.fixture(autouse=True)
def environment(monkeypatch, project):
    """What run() sets is taken back after the test; in a project of its own no other process holds the stage."""
    for key, value in stage_runner.QUIET.items():
        monkeypatch.setenv(key, value)


def test_a_stage_that_ends_well(capsys):
    assert ending(lambda: ["all is well"], capsys) == (0, "")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("no sample is left"), 1, "split: no sample is left\n"),
        (KeyboardInterrupt(), 130, "split: interrupted; the same command goes on\n"),
        *(
            (
                OSError(number, os.strerror(number), "data/x"),
                1,
                "split: the disk is full while writing data/x; free some space, then the same command goes on\n",
            )
            for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        ),
    ],
    ids=["mistake", "interrupt", "disk", "quota", "file size"],
)
def test_one_line_and_a_code(error, code, message, capsys):
    assert ending(raising(error), capsys) == (code, message)


def test_a_full_disk_without_a_file_name_names_the_folder(project, capsys):
    code, message = ending(raising(OSError(errno.ENOSPC, "No space left on device")), capsys)
    assert code == 1
    assert f"while writing {project};" in message


@pytest.mark.parametrize(
    "error",
    [  # what a full disk makes of safetensors and of SQLite
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        sqlite3.OperationalError("database or disk is full"),
    ],
    ids=["safetensors", "SQLite"],
)
def test_a_full_disk_that_a_library_tells_in_its_own_way_is_one_line_too(project, error, capsys):
    code, message = ending(raising(error), capsys)
    assert code == 1
    assert (
        message == f"split: the disk is full while writing {project}; free some space, then the same command goes on\n"
    )


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "denied"), RuntimeError("a bug"), ValueError("a bug")])
def test_our_own_bugs_keep_their_traceback(error):
    with pytest.raises(type(error), match=r"denied|a bug"):
        stage_runner.run("split", raising(error))


def test_quiet_settings_do_not_override_the_users(monkeypatch):
    monkeypatch.delenv("DO_NOT_TRACK")
    monkeypatch.setenv("TQDM_MININTERVAL", "9")
    with pytest.raises(SystemExit):
        stage_runner.run("split", lambda: ["all is well"])
    assert (os.environ["DO_NOT_TRACK"], os.environ["TQDM_MININTERVAL"]) == ("true", "9")


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own use of pygtrie
def test_what_dvc_removed_comes_back_and_what_the_stage_wrote_stays(project, monkeypatch, capsys):
    (project / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: echo early | tee kept written > /dev/null\n    outs: [kept, written]\n"
    )
    with Repo.init(no_scm=True) as repo:
        repo.reproduce()
    (project / "kept").unlink()
    (project / "written").unlink()
    monkeypatch.setenv("DVC_STAGE", "make")

    def main():
        (project / "written").write_text("late\n")
        raise UserError("too late")

    code, message = ending(main, capsys)
    assert (code, message.splitlines()[-1]) == (1, "split: too late")
    assert ((project / "kept").read_text(), (project / "written").read_text()) == ("early\n", "late\n")


def test_outputs_that_cannot_be_restored_do_not_hide_the_reason(project, monkeypatch, capsys):
    durations.record_duration("elpv", "make", 1.0)
    monkeypatch.setenv("DVC_STAGE", "make")
    code, message = ending(raising(UserError("the reason")), capsys)
    assert code == 1
    assert "were not restored" in message
    assert message.endswith("split: the reason\n")


def test_where_no_outputs_ever_were_none_are_missed(project, monkeypatch, capsys):
    monkeypatch.setenv("DVC_STAGE", "make")
    assert ending(raising(UserError("the reason")), capsys) == (1, "split: the reason\n")


def test_details_follow_the_reason(capsys):
    assert ending(raising(UserError("stopped", "  -> Do this")), capsys) == (1, "split: stopped\n  -> Do this\n")


def ended(capsys, lines=("3 pictures", "", "More: x")):
    with pytest.raises(SystemExit):
        stage_runner.run("split", lambda: list(lines))
    return capsys.readouterr().out


def test_the_last_lines_of_a_stage(project, capsys):
    (project / "params.yaml").write_text("source: {name: elpv}\n")
    first, *others = ended(capsys).splitlines()
    assert re.fullmatch(r"split            elpv: 3 pictures  \d\.\d s", first)
    assert others == ["", "More: x"]
    assert durations.read_durations("elpv").keys() == {"split"}


@pytest.mark.parametrize("text", ["", "source: 3", "source: {}", "{"])
def test_a_data_set_without_a_name_is_not_named(project, capsys, text):
    (project / "params.yaml").write_text(text)
    assert re.fullmatch(r"split            3 pictures  \d\.\d s\n", ended(capsys, ["3 pictures"]))


def test_the_time_of_an_earlier_run_is_said_at_the_start(project, capsys):
    (project / "params.yaml").write_text("source: {name: elpv}\n")
    durations.record_duration("elpv", "split", 190.0)
    assert ended(capsys).splitlines()[0] == "split            elpv: about 3 min 10 s, as the last time"
    durations.record_duration("elpv", "split", 9.0)  # soon over
    assert "as the last time" not in ended(capsys)
