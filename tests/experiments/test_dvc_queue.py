"""The queue of DVC: what is asked of it, what its answers say, and why an experiment failed."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.experiments import dvc_queue
from pipeline.experiments.dvc_queue import Finished, Refusal

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


def rows_of(experiments):
    """Each experiment to the override that takes its file."""
    return {one: [f"experiment={one}"] for one in experiments}


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
    assert dvc_queue.find_reason(log) == expected


def test_a_reason_is_bounded():
    assert len(dvc_queue.find_reason("x" * 5000)) == dvc_queue.MAX_REASON


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
    assert dvc_queue.describe(status, log) == expected


def test_a_folder_without_dvc_is_one_line(project):
    with pytest.raises(UserError, match=r"^there is no DVC project here; run this in the project's folder"):
        dvc_queue.run({"one": "one-1"}, rows_of({"one": "one-1"}), lambda one, what: None)


class Commands:
    """DVC with a queue of two entries, as its commands would answer: `first` runs, `second` waits."""

    def __init__(self, **states):
        self.states, self.workers, self.called = {"first": "Running", "second": "Queued", **states}, 0, []
        self.finished = {"earlier"}

    def __call__(self, *words):
        match words:
            case ("queue", "status"):
                rows = [f"{place:07x}  {name}  Nov 28, 2026  {state}" for place, (name, state) in self.entries()]
                return "\n".join(["Task     Name  Created  Status", *rows, "", self.worker_line()])
            case ("queue", "logs", name):
                if self.states[name] == "Running":
                    return "Running stage 'split':\n"
                raise Refusal("No output logs found")
            case ("exp", "list", "--all-commits", "--name-only"):
                return "\n".join(self.finished)
        self.called.append(words)
        return self.change(words)

    def entries(self):
        return enumerate(self.states.items())

    def worker_line(self):
        return f"Worker status: {self.workers} active, 0 idle"

    def change(self, words):
        match words:
            case ("queue", "remove", *names):
                for name in names:
                    del self.states[name]
            case ("queue", "kill", *names):
                self.states |= {name: "Failed" for name in names if name != "--force"}
            case ("exp", "run", "--queue", "--name", name, *_):
                if name == "bad":
                    raise Refusal("no such file")
                self.states[name] = "Queued"
        return ""


@pytest.fixture
def use(monkeypatch):
    """Takes a queue for DVC's, and waits for nothing."""
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE", "WORKER_SECONDS"):
        monkeypatch.setattr(dvc_queue, name, 0.0)

    def take(commands):
        monkeypatch.setattr(dvc_queue, "call_dvc", commands)
        return commands

    return take


def tell_nobody(one, what):
    pass


def test_an_interruption_leaves_nothing_of_ours_in_the_queue(use):
    dvc = use(Commands(theirs="Queued", old="Failed"))
    dvc_queue._withdraw({"first", "second"})
    assert dvc.called == [("queue", "remove", "second"), ("queue", "kill", "first"), ("queue", "remove", "first")]
    assert dvc.states == {"theirs": "Queued", "old": "Failed"}


def test_what_starts_between_the_look_and_the_removal_is_killed_and_the_rest_removed(use):
    class Racing(Commands):
        def change(self, words):
            if words == ("queue", "remove", "second", "third"):
                self.states |= {"first": "Success", "second": "Running"}
                raise Refusal("cannot remove running task second")
            if words[1] == "kill" and any(self.states[name] != "Running" for name in words[2:]):
                raise Refusal("it is not running")
            return super().change(words)

    dvc = use(Racing(third="Queued"))
    assert dvc_queue._withdraw({"first", "second", "third"}) == ""
    assert dvc.states == {"first": "Success"}
    assert ("queue", "kill", "second") in dvc.called


def test_an_interruption_says_what_could_not_be_taken_out(use, monkeypatch):
    class Stubborn(Commands):
        def change(self, words):
            if words[:2] == ("queue", "start"):
                raise KeyboardInterrupt
            raise Refusal("no")

    use(Stubborn())
    monkeypatch.setattr(dvc_queue, "STOP_SECONDS", 0.01)
    with pytest.raises(
        UserError, match=r"^interrupted, .* could not be cleared; it still holds first, second: dvc queue kill and"
    ):
        dvc_queue.run({"one": "first", "two": "second"}, rows_of({"one": "first", "two": "second"}), tell_nobody)


def test_an_interruption_while_it_waits_withdraws_and_goes_on_up(use, monkeypatch):
    dvc, once = use(Commands()), iter([KeyboardInterrupt])

    def interrupt(seconds):
        for error in once:
            raise error

    monkeypatch.setattr(dvc_queue.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        dvc_queue.run({"one": "first", "two": "second"}, rows_of({"one": "first", "two": "second"}), tell_nobody)
    assert dvc.states == {}


def test_what_ran_when_its_worker_went_is_a_failed_row_and_the_rest_gets_a_new_worker(use):
    dvc = use(Commands())
    ended = dvc_queue._wait({"first": "one", "second": "two"}, tell_nobody)
    name, finished = next(ended)
    assert (name, finished.reason) == ("first", "it failed before it started; see dvc queue status")
    assert dvc.called == [("queue", "start"), ("queue", "kill", "--force", "first"), ("queue", "start")]
    dvc.states["second"], dvc.workers = "Success", 1
    dvc.finished.add("second")
    assert list(ended) == [("second", Finished(revision="second"))]


def test_an_experiment_without_a_commit_is_a_failed_row(use):
    use(Commands(second="Success"))
    name, finished = next(dvc_queue._wait({"second": "two"}, tell_nobody))
    assert (name, finished.reason) == ("second", "DVC kept no commit of second; run this again")


def test_what_somebody_took_out_of_the_queue_is_a_failed_row(use):
    use(Commands(second="Success"))
    ((name, finished),) = dvc_queue._wait({"third": "three"}, tell_nobody)
    assert (name, finished.reason) == ("third", "DVC kept no commit of third; run this again")


def test_what_dvc_does_not_take_is_a_failed_row_and_what_failed_before_is_tried_again(use):
    dvc, said = use(Commands(third="Failed")), []
    waiting = {"first": "one", "second": "two", "third": "three", "bad": "four", "new": "five"}
    refused = dvc_queue._enqueue(waiting, rows_of(waiting.values()), lambda one, what: said.append((one, what)), None)
    assert refused == {"bad": Finished(reason="DVC does not queue it: no such file")}
    queue = ("exp", "run", "--queue", "--name")
    assert dvc.called == [  # the others are there already
        ("queue", "remove", "third"),
        (*queue, "third", "--set-param", "experiment=three"),
        (*queue, "bad", "--set-param", "experiment=four"),
        (*queue, "new", "--set-param", "experiment=five"),
    ]
    assert said == [("three", "waits"), ("five", "waits")]


def test_what_has_results_is_neither_queued_nor_waited_for(use):
    dvc, said = use(Commands()), []
    assert dvc_queue.run(
        {"one": "earlier"}, rows_of({"one": "earlier"}), lambda one, what: said.append((one, what))
    ) == {"one": Finished(revision="earlier")}
    assert dvc.called == []
    assert said == [("one", "has run before")]


def test_a_command_that_fails_is_the_line_of_its_error(use):
    def call(*words):
        raise Refusal("Unable to acquire lock")

    use(call)
    with pytest.raises(UserError, match=r"^DVC's queue: Unable to acquire lock; dvc queue status says whether it"):
        dvc_queue.run({"one": "first"}, rows_of({"one": "first"}), tell_nobody)


TRAIN = """
import sys, time, yaml
one = yaml.safe_load(open("params.yaml"))["experiment"]
if one == "broken":
    sys.exit("train: it is broken")
time.sleep(60 if one == "long" else 0)
open("out.txt", "w").write(one)
"""
STAGES = "stages: {train: {cmd: python train.py, deps: [train.py], params: [experiment], outs: [out.txt]}}"


@pytest.fixture
def tiny(project):
    """A project of one stage under git and DVC."""
    for name, text in {"train.py": TRAIN, "dvc.yaml": STAGES, "params.yaml": "experiment: none"}.items():
        Path(name).write_text(text)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    dvc = (sys.executable, "-m", "dvc")
    for command in (
        ("git", "init", "-q"),
        (*dvc, "init", "-q"),
        (*dvc, "config", "core.analytics", "false"),
        ("git", "add", "-A"),
        ("git", *author, "commit", "-qm", "start"),
    ):
        subprocess.run(command, check=True)
    return project


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.xdist_group("queue")
def test_the_real_queue_runs_fails_and_can_be_interrupted(tiny, monkeypatch):
    said = []
    names = {"one": "one-1", "broken": "broken-1"}
    ended = dvc_queue.run(names, rows_of(names), lambda one, what: said.append(f"{one}: {what}"))
    assert ended == {"one": Finished(revision="one-1"), "broken": Finished(reason="train: it is broken")}
    assert {"one: waits", "one: done", "broken: failed", "broken: train: it is broken"} <= set(said)
    assert dvc_queue.run({"one": "one-1"}, rows_of({"one": "one-1"}), lambda *_: None) == {
        "one": Finished(revision="one-1")
    }

    def interrupt(one, what):
        if (one, what) == ("long", "runs train"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dvc_queue.run({"long": "long-1", "last": "last-1"}, rows_of({"long": "long-1", "last": "last-1"}), interrupt)
    assert dvc_queue.read_queue().states == {"broken-1": "Failed", "one-1": "Success"}
    assert dvc_queue.list_finished() == {"one-1"}
