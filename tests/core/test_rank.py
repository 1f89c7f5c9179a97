"""Who is first is what the launcher says."""

import pytest

from pipeline.core import rank, stage_runner
from pipeline.core.errors import UserError


@pytest.mark.parametrize(("told", "number"), [(None, 0), ("", 0), ("0", 0), ("3", 3)])
def test_number(monkeypatch, told, number):
    monkeypatch.delenv("RANK", raising=False)
    if told is not None:
        monkeypatch.setenv("RANK", told)
    assert rank.rank() == number
    assert rank.is_main_process() == (number == 0)


def test_without_others_there_is_nobody_to_wait_for():
    rank.finish()


def refused():
    raise UserError("no")


@pytest.mark.parametrize(
    ("number", "done", "failed"),
    [("0", "train            3 epochs  ", "train: no\n"), ("1", "", "train, process 1: no\n")],
)
def test_a_stage_speaks_once_and_says_which_process_failed(project, monkeypatch, capsys, number, done, failed):
    monkeypatch.setenv("RANK", number)
    with pytest.raises(SystemExit, match=r"^0$"):
        stage_runner.run("train", lambda: ["3 epochs"])
    out = capsys.readouterr().out
    assert out.startswith(done)
    assert out.count("\n") == bool(done)
    with pytest.raises(SystemExit, match=r"^1$"):
        stage_runner.run("train", refused)
    assert capsys.readouterr().err == failed
