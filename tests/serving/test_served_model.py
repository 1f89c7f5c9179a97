"""The watch for a new champion: taken over when it can be loaded, else the present one stays."""

import pytest

from pipeline.core.errors import UserError
from pipeline.serving import served_model
from pipeline.serving.served_model import ModelWatch, ServedModel, load_model


@pytest.fixture
def registry(monkeypatch):
    """What the alias names, and what was reported; a version that is an error cannot be loaded."""
    state = {"version": "1", "lines": [], "prepared": []}

    def load(model):
        if isinstance(state["version"], Exception):
            raise state["version"]
        version = state["version"]
        return ServedModel(name="m", version=version, title=f"m version {version}", classifier=None, follows="champion")

    monkeypatch.setattr(served_model, "load_model", load)
    monkeypatch.setattr(served_model.registry, "peek_champion", lambda name: None)
    return state


@pytest.fixture
def watch(registry):
    found = ModelWatch(None, 0.0, lambda one: registry["prepared"].append(one.version), registry["lines"].append)
    yield found
    found.close()


def test_another_version_is_prepared_and_taken_over(watch, registry):
    assert not watch.look()
    registry["version"] = "2"
    assert watch.look()
    assert (watch.current.version, watch.num_changes) == ("2", 1)
    assert registry["prepared"] == ["1", "2"]
    assert registry["lines"] == ["model: m version 2, before: m version 1"]


def test_the_present_one_stays_where_the_next_cannot_be_loaded(watch, registry):
    registry["version"] = UserError("the store does not answer")
    assert not watch.look()
    assert not watch.look()
    assert watch.current.version == "1"
    assert registry["lines"] == ["the model stays m version 1: the store does not answer"]
    registry["version"] = "2"
    assert watch.look()


def test_a_look_at_the_file_alone_suffices_where_nothing_changed(watch, registry, monkeypatch):
    monkeypatch.setattr(served_model.registry, "peek_champion", lambda name: "1")
    registry["version"] = RuntimeError("must not be loaded")
    assert not watch.look()
    assert registry["lines"] == []


def test_the_thread_looks_by_itself(registry):
    watch = ModelWatch(None, 0.01, lambda one: None, registry["lines"].append)
    registry["version"] = "2"
    for _ in range(500):
        if watch.num_changes:
            break
        watch.is_closed.wait(0.01)
    watch.close()
    assert watch.current.version == "2"


def test_a_folder_is_followed_by_no_alias(trained):
    found = load_model(str(trained))
    assert (found.name, found.version, found.follows) == (trained.name, "local", None)
