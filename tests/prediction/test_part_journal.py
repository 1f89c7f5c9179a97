"""What a call of prediction has so far, and a call that is killed."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trained_model import make_pictures

from pipeline.commands.main import main
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.prediction.inputs import list_inputs
from pipeline.prediction.part_journal import open_journal

OUT = Path("predictions.parquet")
ROWS = pd.DataFrame({"file": pd.Series(["a", "ä"], dtype="str"), "score_x": np.float32([0.1, np.nan])})
KILLED = """
import os, signal, sys
from pipeline.commands import predict
from pipeline.prediction.part_journal import PartJournal
predict.ROWS_OF_A_PART = 256
append = PartJournal.append
def append_and_die(self, table):
    append(self, table)
    if len(self.parts) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
PartJournal.append = append_and_die
predict.main(["many"], sys.argv[1], sys.argv[2], None)
"""


def test_rows_come_back_as_they_were_and_the_folder_goes(project):
    with open_journal(OUT, {"model": "1"}) as (journal, changed):
        journal.append(ROWS)
        journal.append(ROWS[:1])
        assert (journal.num_rows(), changed) == (3, [])
        first, second = journal.tables()
        pd.testing.assert_frame_equal(first, ROWS)
        pd.testing.assert_frame_equal(second, ROWS[:1])
    assert os.listdir() == []


class Stopped(Exception):
    """The call ends early."""


def stop_early(key):
    """What was there before, and what had changed."""
    with suppress(Stopped), open_journal(OUT, key) as (journal, changed):
        found = journal.num_rows(), changed
        journal.append(ROWS)
        raise Stopped
    return found


def test_a_call_that_ended_early_goes_on_and_one_of_another_model_does_not(project):
    assert stop_early({"model": "1", "pictures": "2"}) == (0, [])
    (project / ".predictions.parquet.parts/.part-000000001.arrow.77.tmp").touch()
    assert stop_early({"model": "1", "pictures": "2"}) == (2, [])
    with open_journal(OUT, {"model": "1", "pictures": "3"}) as (journal, changed):
        assert (journal.num_rows(), changed) == (0, ["pictures"])


def test_parts_of_unknown_origin_are_removed(project):
    """A kill between the removal of the old key and that of its parts leaves such."""
    stop_early({"model": "1"})
    (project / ".predictions.parquet.parts/key.json").unlink()
    assert stop_early({"model": "1"}) == (0, ["model"])


def test_the_key_goes_before_the_parts_of_another_one(project, monkeypatch):
    stop_early({"model": "1"})
    removed, original = [], artifacts.remove
    monkeypatch.setattr(artifacts, "remove", lambda path: removed.append(path.name) or original(path))
    stop_early({"model": "2"})
    assert removed[:2] == ["key.json", "part-000000000.arrow"]


def test_a_name_that_only_the_earlier_key_has_is_a_change(project):
    stop_early({"model": "1", "options": "x"})
    assert stop_early({"model": "1"}) == (0, ["options"])


def test_what_a_kill_left_on_its_way_to_the_processes_goes(project):
    stop_early({"model": "1"})
    (project / ".predictions.parquet.parts/spool-x").mkdir()
    (project / ".predictions.parquet.parts/spool-x/0").write_bytes(b"picture")
    stop_early({"model": "1"})
    assert sorted(os.listdir(".predictions.parquet.parts")) == [
        "key.json",
        "lock",
        "part-000000000.arrow",
        "part-000000001.arrow",
    ]


def test_an_error_of_the_caller_is_not_one_of_the_table(project):
    with pytest.raises(FileNotFoundError, match=r"scans\.zip"), open_journal(OUT, {}):
        Path("scans.zip").read_bytes()
    with open_journal(OUT, {}) as (journal, _):
        journal.folder = project / "gone"
        journal.folder.write_text("a file where a folder should be")
        with pytest.raises(UserError, match=r"part-000000000\.arrow' cannot be written: .*; choose another --out"):
            journal.append(ROWS)


def test_two_calls_at_once(project):
    with open_journal(OUT, {}), pytest.raises(UserError, match=r"^another call writes 'predictions\.parquet'; wait"):
        open_journal(OUT, {}).__enter__()


@pytest.mark.slow
def test_a_kill_loses_nothing_and_the_table_has_the_same_bytes(trained, project, encode, capsys):
    (project / "many").mkdir()
    encoded = [encode(one) for one in make_pictures(20)]
    for number in range(300):
        (project / f"many/{number:04}.png").write_bytes(encoded[number % 20])
    killed = subprocess.run([sys.executable, "-c", KILLED, str(trained), "cut.csv"], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list(Path(".cut.csv.parts").glob("part-*"))) == 1
    assert not Path("cut.csv").exists()
    main(["predict", "many", "--model", str(trained), "--out", "cut.csv"])
    assert "goes on after 256 of 300 pictures of an earlier call" in capsys.readouterr().out
    main(["predict", "many", "--model", str(trained), "--out", "whole.csv"])
    assert Path("cut.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not list(Path().glob(".*.parts"))


def test_a_changed_model_begins_anew_and_says_so(trained, project, encode, capsys):
    (project / "a.png").write_bytes(encode(make_pictures(1)[0]))
    inputs = list_inputs(["a.png"])
    with suppress(Stopped), open_journal(Path("a.csv"), {"model": "x", "pictures": inputs.digest(), "options": ""}):
        raise Stopped
    main(["predict", "a.png", "--model", str(trained), "--out", "a.csv"])
    assert (
        "an earlier call that was ended early is left, with other model and program: begins anew"
        in capsys.readouterr().out
    )
    assert len(pd.read_csv("a.csv")) == 1
