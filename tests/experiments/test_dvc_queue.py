"""The one line of a log that says why an experiment failed."""

from types import SimpleNamespace

import pytest

from pipeline.core.errors import UserError
from pipeline.experiments import dvc_queue
from pipeline.experiments.dvc_queue import Finished

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
    assert dvc_queue.reason(log) == expected


def test_a_reason_is_bounded():
    assert len(dvc_queue.reason("x" * 5000)) == dvc_queue.MAX_REASON


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
    assert dvc_queue._happening(status, log) == expected


def test_a_folder_without_dvc_is_one_line(project):
    with pytest.raises(UserError, match=r"^there is no DVC project here; run this in the project's folder"):
        dvc_queue.run({"one": "one-1"}, lambda one, what: None)


class Queue:
    """A queue of two entries, as DVC's would answer: `first` runs, `second` waits."""

    def __init__(self, **states):
        self.states, self.workers, self.done = {"first": "Running", "second": "Queued", **states}, {}, []
        self.proc = {}

    def status(self):
        return [{"name": name, "status": state, "rev": name} for name, state in self.states.items()]

    def _in(self, *states):
        return [SimpleNamespace(name=name) for name, state in self.states.items() if state in states]

    def iter_queued(self):
        return self._in("Queued")

    def iter_active(self):
        return self._in("Running")

    def iter_failed(self):
        return [(entry, None) for entry in self._in("Failed")]

    def remove(self, names):
        self.done.append(("remove", *names))
        for name in names:
            del self.states[name]

    def kill(self, names, force=False):
        self.done.append(("kill", *names))
        self.states |= dict.fromkeys(names, "Failed")

    def worker_status(self):
        return self.workers

    def start_workers(self, count):
        self.done.append(("start", count))


@pytest.fixture
def at_once(monkeypatch):
    for name in ("POLL_SECONDS", "WORKER_SECONDS"):
        monkeypatch.setattr(dvc_queue, name, 0.0)
    monkeypatch.setenv("PATH", "")


def test_an_interruption_leaves_nothing_of_ours_in_the_queue(at_once):
    queue = Queue(theirs="Queued", old="Failed")
    dvc_queue._withdraw(queue, {"first", "second"})
    assert queue.done == [("remove", "second"), ("kill", "first"), ("remove", "first")]
    assert queue.states == {"theirs": "Queued", "old": "Failed"}


def test_what_ran_when_its_worker_went_is_a_failed_row_and_the_rest_gets_a_new_worker(at_once):
    queue, repo = Queue(), SimpleNamespace(experiments=SimpleNamespace(ls=lambda **told: {"base": [("second", "abc")]}))
    ended = dvc_queue._wait(repo, queue, {"first": "one", "second": "two"}, lambda one, what: None)
    name, finished = next(ended)
    assert (name, finished.reason) == ("first", "it failed before it started; see dvc queue status")
    assert queue.done == [("start", 1), ("kill", "first"), ("start", 1)]
    queue.states["second"], queue.workers = "Success", {"worker": []}
    assert list(ended) == [("second", Finished(revision="abc"))]


def test_an_experiment_without_a_commit_is_a_failed_row(at_once):
    repo = SimpleNamespace(experiments=SimpleNamespace(ls=lambda **told: {}))
    queue = Queue(second="Success")
    name, finished = next(dvc_queue._wait(repo, queue, {"second": "two"}, lambda one, what: None))
    assert (name, finished.reason) == ("second", "DVC kept no commit of second; run this again")


def test_what_dvc_does_not_take_is_a_failed_row_and_what_failed_before_is_tried_again(at_once):
    from dvc.exceptions import DvcException

    taken, queue = [], Queue(third="Failed")

    def run(queue, name, params):
        if name == "bad":
            raise DvcException("no such\nfile")
        taken.append((name, params))

    repo = SimpleNamespace(experiments=SimpleNamespace(celery_queue=queue, run=run))
    waiting = {"first": "one", "second": "two", "third": "three", "bad": "four", "new": "five"}
    refused = dvc_queue._enqueue(repo, waiting)
    assert refused == {"bad": Finished(reason="DVC does not queue it: no such file")}
    assert taken == [("third", ["experiment=three"]), ("new", ["experiment=five"])]  # the others are there already
    assert queue.done == [("remove", "third")]
