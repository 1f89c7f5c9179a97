"""Many items, by the engine that the environment names."""

import operator
import os
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from conf_options import composed

from pipeline.core import config, parallel, progress
from pipeline.core.errors import UserError
from pipeline.core.parallel import SMALL, choose_engine, num_workers, parallel_batches, parallel_map
from pipeline.engines.local import LocalEngine
from pipeline.engines.ray import RayEngine


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    monkeypatch.delenv("COLIBRI_ENGINE", raising=False)
    monkeypatch.setattr(parallel, "_engines", {})


def test_one_worker_at_least():
    assert 1 <= num_workers() <= os.cpu_count()


@pytest.mark.parametrize("total", [0, 1, 63, 200])
def test_results_keep_the_order(total):
    items = range(total)
    assert list(parallel_map(operator.neg, items, total, "test")) == [-item for item in items]
    expected = [[-item for item in items[row : row + 30]] for row in range(0, total, 30)]
    assert list(parallel_batches(operator.neg, list, items, total, 30, "test")) == expected


@pytest.mark.parametrize(("total", "calls"), [(0, []), (1, [1]), (70, 70 * [1])])
def test_each_result_is_counted_as_it_comes(monkeypatch, total, calls):
    """Not a batch at a time, which a person would wait for; one picture has no bar."""
    bars, arrived = [], []

    @contextmanager
    def show(what, total, unit):
        bar = SimpleNamespace(advance=Mock())
        bars.append(bar)
        yield bar

    monkeypatch.setattr(progress, "show", show)
    list(parallel_batches(operator.neg, list, range(total), total, 30, "test", arrived=arrived.append))
    assert arrived == calls
    assert [[one.args[0] for one in bar.advance.call_args_list] for bar in bars] == ([calls] if total > 1 else [])


def get_process(_):
    return os.getpid()


def test_few_items_stay_in_this_process_whatever_the_engine(monkeypatch):
    monkeypatch.setenv("COLIBRI_ENGINE", "nonsense")
    assert set(parallel_map(get_process, range(SMALL - 1), SMALL - 1, "test")) == {os.getpid()}
    assert list(parallel_batches(get_process, set, range(9), 9, 9, "test")) == [{os.getpid()}]
    with pytest.raises(UserError, match=r"conf/engine/nonsense.yaml does not exist; available: local, ray$"):
        next(parallel_map(get_process, range(SMALL), SMALL, "test"))


def test_the_environment_chooses_the_engine(monkeypatch):
    assert choose_engine() == LocalEngine()
    monkeypatch.setenv("COLIBRI_ENGINE", "ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert choose_engine() == RayEngine(address="local", object_store=256)
    parallel._engines.clear()
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr(config, "compose", getattr(config.compose, "__wrapped__", config.compose))  # not the remembered
    assert choose_engine() == RayEngine(address="10.0.0.1:6379", object_store=256)


def test_the_options_of_the_local_engine_are_read(project):
    assert choose_engine() == LocalEngine()
    parallel._engines.clear()
    place = project / "conf/engine/local.yaml"
    place.parent.mkdir(parents=True)
    for text, line in [
        ("workers: 0", "conf/engine/local.yaml: workers must be null or at least 1, got 0"),
        ("{", "conf/: not valid YAML"),
        ("", "conf/engine/local.yaml must be a mapping with _target_"),
    ]:
        place.write_text(f"_target_: pipeline.engines.local.LocalEngine\n{text}" if text else "")
        with pytest.raises(UserError, match=line):
            choose_engine()
    place.write_text("_target_: pipeline.engines.local.LocalEngine\nworkers: 3\n")
    assert choose_engine() == LocalEngine(workers=3)


def test_an_engine_is_no_parameter_of_a_stage():
    """So that choosing another one reruns nothing."""
    assert "engine" not in composed()
