"""The watch for a new champion: taken over when it can be loaded, else the present one stays."""

from types import SimpleNamespace

import pytest

from pipeline.core.errors import UserError
from pipeline.serving import served_model
from pipeline.serving.served_model import LOCAL, ModelWatch, ServedModel, load_model
from pipeline.tracking.connection import Unavailable
from pipeline.training import model_card


@pytest.fixture
def registry(monkeypatch):
    """What the alias names, and what was reported; a version that is an error cannot be loaded."""
    state = {"version": "1", "lines": [], "prepared": [], "loads": 0}

    def find(model):
        if isinstance(state["version"], Exception):
            raise state["version"]
        return SimpleNamespace(name="m", version=state["version"])

    def load(model):
        state["loads"] += 1
        if isinstance(state["version"], Exception):
            raise state["version"]
        version = state["version"]
        return ServedModel(name="m", version=version, title=f"m version {version}", classifier=None, follows="champion")

    monkeypatch.setattr(served_model, "load_model", load)
    monkeypatch.setattr(served_model, "find_version", find)
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


@pytest.mark.parametrize("reference", [None, "m@challenger"])
def test_versions_are_compared_without_loading_one(registry, reference):
    """Where no file says which version the alias names."""
    watch = ModelWatch(reference, 0.0, lambda one: None, registry["lines"].append)
    assert [watch.look() for _ in range(3)] == [False] * 3
    assert (registry["loads"], registry["lines"]) == (1, [])
    registry["version"] = "2"
    assert watch.look()
    assert registry["loads"] == 2
    watch.close()


def test_what_nobody_promoted_takes_over_from_no_champion(watch, registry, monkeypatch):
    """The alias is removed: `load_model` now finds data/predictor."""
    local = ServedModel(name="predictor", version=LOCAL, title="the last", classifier=None, follows="champion")
    monkeypatch.setattr(served_model, "load_model", lambda model: local)
    registry["version"] = UserError("m has no version with the alias 'champion'")
    assert not watch.look()
    assert watch.current.version == "1"
    assert registry["lines"] == ["the model stays m version 1: m has no version with the alias 'champion'"]
    registry["version"] = "2"  # there for the look, gone again for the load
    assert not watch.look()
    assert watch.current.version == "1"


def test_a_store_that_does_not_answer_is_not_one_without_champion(monkeypatch):
    def fail(model):
        raise Unavailable("the store is locked")

    monkeypatch.setattr(served_model, "find_version", fail)
    monkeypatch.setattr(served_model, "load_classifier", lambda model: (None, "the champion, after all"))
    with pytest.raises(Unavailable, match=r"^the store is locked$"):
        load_model(None)


def test_the_weights_of_a_served_model_are_read_once(trained, monkeypatch):
    monkeypatch.setattr(model_card, "predictor_digest", None)
    assert load_model(str(trained)).classifier.digest == ""


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
