"""A run whose process is gone is closed with the reason; every other one is left alone."""

import os
import subprocess
import sys

import pytest

from pipeline.tracking import owners
from pipeline.tracking.experiments import open_experiment
from pipeline.tracking.owners import ERROR, GONE, HOST, PID, PROCESS, is_gone, owner, sweep

pytestmark = pytest.mark.xdist_group("tracking")
CODE = "from pipeline.tracking.owners import owner; import json; print(json.dumps(owner()), flush=True); input()"


@pytest.fixture
def process():
    """A living process, and the tags that it gives its runs."""
    import json

    child = subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield child, json.loads(child.stdout.readline())
    child.kill()
    child.communicate()


def test_a_process_lives_until_it_ends(process):
    child, tags = process
    assert tags[PID] == str(child.pid)
    assert not is_gone(tags)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet waited for: a zombie
    assert is_gone(tags)
    child.wait()
    assert is_gone(tags)


def test_of_what_is_not_certain_nothing_is_said():
    own = owner()
    assert not is_gone(own)
    assert is_gone({**own, PROCESS: "an earlier boot 12"})  # another process had this number
    assert not is_gone({**own, HOST: "another machine", PROCESS: "an earlier boot 12"})
    assert not is_gone({HOST: own[HOST]})
    assert not is_gone({})
    assert not is_gone({**own, PID: "x"})


def test_only_runs_of_dead_processes_are_closed(store, client, process):
    child, tags = process
    experiment = open_experiment(client, None)
    own = owner()
    made = {
        "mine": own,
        "of a living one": tags,
        "of another machine": {**own, HOST: "elsewhere", PROCESS: "long ago"},
        "of nobody": {},
    }
    kept = {name: client.create_run(experiment, tags=one).info.run_id for name, one in made.items()}
    dead = client.create_run(experiment, tags={**own, PROCESS: "long ago"}).info.run_id
    ended = client.create_run(experiment, tags={**own, PROCESS: "long ago"}).info.run_id
    client.set_terminated(ended, status="FAILED")
    assert sweep(client, [experiment]) == [dead]
    run = client.get_run(dead)
    assert (run.info.status, run.data.tags[ERROR]) == ("KILLED", GONE)
    assert {client.get_run(one).info.status for one in kept.values()} == {"RUNNING"}
    assert client.get_run(ended).info.status == "FAILED"
    assert sweep(client, [experiment]) == []
    child.kill()
    child.wait()
    assert sweep(client, [experiment]) == [kept["of a living one"]]
    for run_id in kept.values():
        client.set_terminated(run_id)


def test_where_there_is_no_proc_the_start_is_told_by_the_system(monkeypatch):
    assert owners._start_elsewhere(os.getpid()) == owners._start_elsewhere(os.getpid()) != None  # noqa: E711
    assert owners._start_elsewhere(2**22 + 1) is None
