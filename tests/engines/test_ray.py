"""A Ray cluster gives what this machine gives, or one line; on a fake cluster, and on a real one where ray is there."""

import math
import operator
import os
import pickle
import re
import signal
import sys
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from fake_ray import (
    Dies,
    FakeRay,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    TaskUnschedulableError,
    WorkerCrashedError,
    count_and_sum,
    killed_by_13,
    lost,
)

from pipeline.core.errors import ItemRejected, UserError
from pipeline.engines import node_work
from pipeline.engines.home_check import is_same
from pipeline.engines.local import BATCH, BATCHES_AHEAD
from pipeline.engines.node_work import find_installation
from pipeline.engines.ray import LOSSES, SPARE, RayEngine

ENGINE = RayEngine(address="10.0.0.1:6379", object_store=100)
TWO = ("home", "away")


@pytest.fixture
def cluster(monkeypatch):
    """Makes a fake cluster the one of this process, which also computes what is compared."""
    monkeypatch.setattr("pipeline.engines.home_check.map_alone", lambda function, item, *_: function(item))
    monkeypatch.setattr("pipeline.engines.ray_connection._silence", lambda: None)
    node_work._latest.clear()
    node_work._check_once.cache_clear()
    before = {key: value for key, value in os.environ.items() if key.startswith("RAY_")}

    def make(*nodes, fail=lambda *_: None):
        ray = FakeRay(nodes or ("home",), fail)
        monkeypatch.setitem(sys.modules, "ray", ray)
        return ray

    yield make
    for key in [key for key in os.environ if key.startswith("RAY_")]:
        del os.environ[key]
    os.environ.update(before)
    node_work._check_once.cache_clear()


def dies_of_13(item):
    if item == 13:
        raise Dies
    return -item


@pytest.mark.parametrize("total", [0, 1, 16, 100])
def test_results_keep_the_order(cluster, total):
    cluster(*TWO)
    assert list(ENGINE.map(operator.neg, range(total), "test")) == [-item for item in range(total)]


def test_items_are_taken_as_results_are(cluster):
    cluster(*TWO)
    taken = []
    items = (taken.append(item) or item for item in range(2000))
    for done, _ in enumerate(ENGINE.map(operator.neg, items, "test")):
        assert len(taken) - done <= (2 * BATCHES_AHEAD + 1) * BATCH
    taken.clear()
    items = (taken.append(item) or item for item in range(2000))
    for done, _ in enumerate(ENGINE.map_batches(operator.neg, len, items, 100, "test")):
        assert len(taken) - 100 * done <= (2 + SPARE) * 100


def test_what_waits_is_cancelled_when_the_caller_stops(cluster):
    ray = cluster()
    results = ENGINE.map(operator.neg, range(200), "test")
    assert next(results) == 0
    results.close()
    assert ray.cancelled == BATCHES_AHEAD - 1


def test_nothing_is_cancelled_on_a_cluster_that_was_stopped(cluster):
    """Ray would start a new one for it."""
    ray = cluster()
    results = ENGINE.map(operator.neg, range(200), "test")
    assert next(results) == 0
    ENGINE.stop()
    results.close()
    assert ray.cancelled == 0


def test_a_model_takes_so_many_results_at_once(cluster):
    cluster(*TWO)
    found = list(ENGINE.map_batches(operator.neg, count_and_sum, range(70), 32, "test"))
    assert found == [(32, -sum(range(32))), (32, -sum(range(32, 64))), (6, -sum(range(64, 70)))]


@pytest.mark.parametrize(("model", "calls"), [(count_and_sum, [32, 32, 6]), (lambda part: len(part), 70 * [1])])
def test_items_are_counted_when_their_results_are_here(cluster, model, calls):
    cluster(*TWO)
    arrived = []
    assert len(list(ENGINE.map_batches(operator.neg, model, range(70), 32, "test", arrived=arrived.append))) == 3
    assert arrived == calls


def test_a_process_fetches_the_function_once(cluster):
    ray = cluster()
    assert len(list(ENGINE.map(operator.neg, range(320), "test"))) == 320
    assert (ray.started, ray.fetched) == (20, 1)


def test_an_item_that_kills_its_process_is_named(cluster):
    cluster()
    with pytest.raises(UserError, match=r"ingest: 13 kills the process that works on it, .*lower max_pixels"):
        list(ENGINE.map(dies_of_13, range(200), "ingest"))


def test_an_item_that_kills_its_process_does_not_lose_the_others(cluster):
    cluster(*TWO)
    expected = [lost(item) if item == 13 else -item for item in range(200)]
    assert list(ENGINE.map(dies_of_13, range(200), "test", killed=lost)) == expected
    batches = list(ENGINE.map_batches(dies_of_13, count_and_sum, range(64), 32, "test", killed=lost))
    assert batches == [(32, 13 - sum(range(32))), (32, -sum(range(32, 64)))]


def test_a_worker_that_something_else_kills_costs_nothing(cluster):
    ended = {0: WorkerCrashedError(), 3: OutOfMemoryError(), 5: WorkerCrashedError()}
    cluster(*TWO, fail=lambda number, _: ended.get(number))
    assert list(ENGINE.map(operator.neg, range(200), "test")) == [-item for item in range(200)]


def dies_together(results):
    if len(results) == 32:
        raise Dies
    return len(results)


def test_a_model_that_kills_its_process_is_named(cluster):
    cluster()
    assert list(ENGINE.map_batches(operator.neg, dies_together, range(31), 32, "test")) == [31]
    with pytest.raises(UserError, match=r"embed: the model kills its process, mostly for lack of memory; lower the n"):
        list(ENGINE.map_batches(operator.neg, dies_together, range(40), 32, "embed"))


@pytest.mark.parametrize("error", [NodeDiedError, ObjectLostError, TaskUnschedulableError])
def test_a_node_that_is_lost_loses_nothing(cluster, error):
    cluster(*TWO, fail=lambda number, _: error() if number % 3 == 1 else None)
    assert list(ENGINE.map(operator.neg, range(200), "test")) == [-item for item in range(200)]


def test_a_cluster_that_loses_every_node_is_given_up(cluster):
    ray = cluster(fail=lambda *_: NodeDiedError())
    with pytest.raises(UserError, match=rf"test: {LOSSES} nodes of the Ray cluster were lost with the same items"):
        list(ENGINE.map(operator.neg, range(10), "test"))
    ray.processors = 0.0
    with pytest.raises(UserError, match="test: the Ray cluster has no node with a processor; start one with ray start"):
        list(ENGINE.map(operator.neg, range(10), "test"))


def test_another_failure_of_the_cluster_is_one_line(cluster):
    cluster(fail=lambda *_: RayError("a\n\n  b went wrong\n"))
    with pytest.raises(UserError, match=r"^test: the Ray cluster failed: b went wrong; see its logs$"):
        list(ENGINE.map(operator.neg, range(10), "test"))


def test_an_error_of_the_function_reaches_the_caller(cluster):
    cluster("home")
    with pytest.raises(ValueError, match="math domain error"):
        list(ENGINE.map(math.sqrt, range(9, -2, -1), "test"))
    cluster("away")
    with pytest.raises(ValueError, match="math domain error"):
        list(ENGINE.map(math.sqrt, range(9, -2, -1), "test"))


class Picky(Exception):
    """It can be pickled, and not built again."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def refuse_all(item):
    raise Picky(item, "more")


def test_an_error_that_cannot_travel_keeps_its_text(cluster):
    cluster("home")
    with pytest.raises(RuntimeError, match="Picky: 0 and more"):
        list(ENGINE.map(refuse_all, range(3), "test"))


def read_where_seen(folder, ray, item):
    """As a source that reads a file which exists on one machine alone."""
    if sys.modules["ray"].node == "away" and item >= folder:
        return ItemRejected("unreadable", "no such file") if ray == "refuse" else fail_to_read(item)
    return item


def fail_to_read(item):
    raise UserError(f"{item} could be read by ingest but cannot be read now")


@pytest.mark.parametrize("first", [0, 40])  # in the first batch of the node, and later
def test_a_node_that_cannot_see_a_file_is_named_and_ends_the_run(cluster, first):
    cluster(*TWO)
    line = (
        r"ingest: node address of away of the Ray cluster makes a refusal \(unreadable: no such file\) of \d+, and "
        r"this machine a result; every node must see the same files at the same paths, see docs/scaling.md"
    )
    with pytest.raises(UserError, match=line):
        list(ENGINE.map(partial(read_where_seen, first, "refuse"), range(200), "ingest"))
    line = (
        r"embed: node address of away of the Ray cluster fails \(\d+ could be read by .*\), and this machine does not"
    )
    with pytest.raises(UserError, match=line):
        list(ENGINE.map(partial(read_where_seen, first, "raise"), range(200), "embed"))


def test_a_file_that_both_refuse_is_refused(cluster):
    cluster(*TWO)
    assert list(map(str, ENGINE.map(refuse_odd, range(64), "test"))) == list(map(str, map(refuse_odd, range(64))))


def refuse_odd(item):
    return (item, ItemRejected("odd", f"{item} is odd")) if item % 2 else (item, np.float32(item))


def add_rounding(results):
    """As a network whose node has another kind of processor."""
    return np.array(results, dtype=np.float32) + np.float32(1e-7 if sys.modules["ray"].node == "away" else 0)


def test_a_node_that_computes_other_last_digits_is_named(cluster):
    cluster("home")
    assert np.array_equal(next(ENGINE.map_batches(float, add_rounding, range(4), 4, "embed")), [0, 1, 2, 3])
    cluster("away")
    with pytest.raises(
        UserError, match="embed: node address of away of the Ray cluster computes other numbers with the"
    ):
        list(ENGINE.map_batches(float, add_rounding, range(4), 4, "embed"))


def test_arrays_can_be_written_to(cluster):
    """As those of this machine's processes; those that Ray itself returns cannot."""
    cluster("home")
    (found,) = ENGINE.map(np.zeros, [3], "test")
    found[0] = 1


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"code": "other"}, "has other code of Colibri; check out the same commit there"),
        ({"folder": "/nowhere"}, r"cannot enter '/nowhere' \(No such file or directory\); mount the project there"),
        (
            {"packages": (("numpy", "1.0"), *find_installation().packages[1:])},
            r"has numpy [\d.]+ instead of 1.0; install the same requirements.lock there",
        ),
    ],
)
def test_a_node_with_another_installation_is_refused(cluster, monkeypatch, change, line):
    cluster("away")
    monkeypatch.setattr("pipeline.engines.ray.find_installation", lambda: replace(find_installation(), **change))
    with pytest.raises(UserError, match=rf"^test: node address of away of the Ray cluster {line}$"):
        list(ENGINE.map(operator.neg, range(10), "test"))


def test_a_node_without_colibri_is_one_line(cluster, monkeypatch):
    cluster("away")
    monkeypatch.setattr("pipeline.engines.ray.work_on", partial(__import__, "pipeline_of_nobody", fromlist=()))
    with pytest.raises(UserError, match=r"test: a node of the Ray cluster cannot run Colibri \(.*\); install the same"):
        list(ENGINE.map(operator.neg, range(10), "test"))


def test_a_model_that_cannot_be_pickled_stays_here(cluster):
    cluster("away")
    found = ENGINE.map_batches(operator.neg, lambda results: (os.getpid(), sum(results)), range(20), 16, "test")
    assert list(found) == [(os.getpid(), -sum(range(16))), (os.getpid(), -sum(range(16, 20)))]


def test_ray_is_quiet_and_leaves_signals_alone(cluster):
    ray = cluster()
    before = signal.getsignal(signal.SIGTERM)
    init = ray.init
    ray.init = lambda **arguments: (signal.signal(signal.SIGTERM, lambda *_: None), init(**arguments))
    assert list(ENGINE.map(operator.neg, [1], "test")) == [-1]
    assert signal.getsignal(signal.SIGTERM) == before
    assert ray.arguments["address"] == "10.0.0.1:6379"
    assert ray.arguments["log_to_driver"] is False
    assert "num_cpus" not in ray.arguments
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in os.environ
    ENGINE.stop()
    assert not ray.is_initialized()


def test_a_cluster_of_this_machine_listens_on_localhost(cluster):
    ray = cluster()
    engine = RayEngine(address="local", object_store=100, processes=3)
    assert list(engine.map(operator.neg, [1], "test")) == [-1]
    assert ray.arguments["num_cpus"] == 3
    assert ray.arguments["object_store_memory"] == 100 * 2**20
    assert ray.arguments["include_dashboard"] is False
    assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"


def test_no_cluster_and_no_package_are_one_line(cluster, monkeypatch):
    cluster().refusal = ConnectionError("Failed to\nconnect")
    line = r"no Ray cluster answers at '10.0.0.1:6379' \(Failed to connect\); start one with ray start --head"
    with pytest.raises(UserError, match=line):
        list(ENGINE.map(operator.neg, [1], "test"))
    monkeypatch.setattr("pipeline.engines.ray_connection.find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r"COLIBRI_ENGINE=ray needs the package ray, .*; uv pip install 'colibri\[ray\]'"
    ):
        list(ENGINE.map(operator.neg, [1], "test"))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, "a"], [1.0, "a"], True),
        ((1, np.float32(2)), (1, np.float32(2)), True),
        ((1, 2), [1, 2], False),
        (np.zeros(3), np.zeros(3), True),
        (np.zeros(3), np.zeros(3, np.float32), False),
        (float("nan"), float("nan"), True),
        (0.1 + 0.2, 0.3, False),
        (ItemRejected("a", "b"), ItemRejected("a", "b"), True),
        (ItemRejected("a", "b"), ItemRejected("a", "c"), False),
        (None, 0, False),
    ],
)
def test_results_are_compared_by_value_to_the_last_bit(first, second, expected):
    assert is_same(first, pickle.loads(pickle.dumps(second))) is expected


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed")
def test_a_real_cluster_of_this_machine_gives_the_same(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[1]}{os.pathsep}{Path(__file__).parents[2]}")
    engine = RayEngine(address="local", object_store=80, processes=1)
    try:
        expected = [lost(item) if item == 13 else -item for item in range(64)]
        assert list(engine.map(killed_by_13, range(64), "test", killed=lost)) == expected
        batches = list(engine.map_batches(killed_by_13, count_and_sum, range(40), 32, "test", killed=lost))
        assert batches == [(32, 13 - sum(range(32))), (8, -sum(range(32, 40)))]
        with pytest.raises(UserError, match=re.escape("ingest: 13 kills the process that works on it")):
            list(engine.map(killed_by_13, range(20), "ingest"))
    finally:
        engine.stop()
