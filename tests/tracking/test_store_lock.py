"""The lock in a store that several machines use."""

import threading
import time

import mlflow
import pytest

from pipeline.core.errors import UserError
from pipeline.tracking import promotion_lock, store_lock
from pipeline.tracking.store_lock import BEATS, LOCK, OWNER, lock_store

pytestmark = pytest.mark.xdist_group("tracking")


@pytest.fixture(autouse=True)
def free(client, monkeypatch):
    monkeypatch.setattr(store_lock, "PAUSE", 0.02)
    yield
    with pytest.raises(mlflow.MlflowException, match="not found"):
        client.get_registered_model(LOCK)


def test_of_several_machines_one_decides_at_a_time(client):
    """What each reads before it writes is what the one before it wrote."""
    shared, errors = {"count": 0}, []

    def decide():
        try:
            for _ in range(3):
                with lock_store(wait=60):
                    before = shared["count"]
                    time.sleep(0.01)
                    shared["count"] = before + 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert shared["count"] == 12


def test_who_holds_it_is_named(client):
    named = pytest.raises(UserError, match=r"another process decides about a champion \(.*, process \d+, since")
    with lock_store(wait=1), named, lock_store(wait=0.05):
        pass


def test_a_request_that_was_sent_again_finds_its_own_lock(client, monkeypatch, capsys):
    """The first one made the lock, and its answer was lost on the way."""
    create = mlflow.MlflowClient.create_registered_model

    def create_twice(self, name, **about):
        create(self, name, **about)
        return create(self, name, **about)

    monkeypatch.setattr(mlflow.MlflowClient, "create_registered_model", create_twice)
    with lock_store(wait=0.5):
        pass
    assert capsys.readouterr().err == ""


def test_the_lock_of_a_process_that_has_ended_is_taken_over(client, monkeypatch, capsys):
    monkeypatch.setattr(store_lock, "STALE", 0.2)
    client.create_registered_model(LOCK, tags={OWNER: "other, process 7, d3b0", BEATS: "3"})
    with lock_store(wait=10):
        assert client.get_registered_model(LOCK).tags[OWNER] != "other, process 7, d3b0"
    assert "the lock of other, process 7 is taken over: its process has ended" in capsys.readouterr().err


def test_a_process_that_works_keeps_it(client, monkeypatch):
    monkeypatch.setattr(store_lock, "STALE", 0.6)
    monkeypatch.setattr(store_lock, "BEAT", 0.05)
    with lock_store(wait=1), pytest.raises(UserError, match="another process decides"), lock_store(wait=1.5):
        pass


def test_a_lock_that_was_lost_is_said(client, capsys):
    with lock_store(wait=1):
        client.set_registered_model_tag(LOCK, OWNER, "other")
    assert "another process took over the lock of promotions while this one was held up" in capsys.readouterr().err
    client.delete_registered_model(LOCK)


@pytest.mark.parametrize(("database", "is_locked"), [(None, True), ("mlflow.db", False)])
def test_only_a_store_without_a_file_has_it(client, monkeypatch, store, database, is_locked):
    monkeypatch.setattr(promotion_lock, "sqlite_path", lambda uri: database and store / database)
    with promotion_lock.lock_promotions(wait=5):
        assert bool(client.search_registered_models(f"name = '{LOCK}'")) == is_locked
