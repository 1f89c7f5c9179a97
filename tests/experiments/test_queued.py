"""The one line of a log that says why an experiment failed."""

import pytest

from pipeline.core.errors import UserError
from pipeline.experiments import queued

STAGE = """Running stage 'train':
> python -m pipeline.stages.train
train: batch_size must be at least 2, got 1
ERROR: failed to reproduce 'train': failed to run: python -m pipeline.stages.train, exited with 1
ERROR: failed to reproduce 'train': failed to run: python -m pipeline.stages.train, exited with 1
"""
TRACE = """Running stage 'train':
> python -m pipeline.stages.train
Traceback (most recent call last):
  File "x.py", line 1, in <module>
ZeroDivisionError: division by zero
ERROR: failed to reproduce 'train': failed to run
"""


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (STAGE, "train: batch_size must be at least 2, got 1"),
        (
            STAGE.replace("train: batch", "a warning\ntrain: batch").replace("got 1", "got 1\nlast words"),
            "train: batch_size must be at least 2, got 1",
        ),
        (TRACE, "ZeroDivisionError: division by zero"),
        ("ERROR: Unable to acquire lock\n", "ERROR: Unable to acquire lock"),
        ("Killed\n", "Killed"),
        ("", "it failed before it started; see dvc queue status"),
    ],
)
def test_the_reason_is_the_failing_stages_own_line(log, expected):
    assert queued.reason(log) == expected


def test_a_reason_is_bounded():
    assert len(queued.reason("x" * 5000)) == queued.MAX_REASON


@pytest.mark.parametrize(
    ("status", "log", "expected"),
    [
        ("Queued", "", "waits"),
        ("Running", "", "starts"),
        ("Running", "Running stage 'split':\nRunning stage 'train':\n", "runs train"),
        ("Success", STAGE, "done"),
        ("Failed", STAGE, "failed"),
    ],
)
def test_what_an_entry_is_at(status, log, expected):
    assert queued._happening(status, log) == expected


def test_a_folder_without_dvc_is_one_line(project):
    with pytest.raises(UserError, match=r"^there is no DVC project here; run this in the project's folder"):
        queued.run({"one": "one-1"}, lambda one, what: None)
