"""The tables of answers: they only grow, several servers make them at once, and one that fails is 503."""

import threading

import pytest
import sqlalchemy as sa

from pipeline.core.errors import UserError
from pipeline.serving.answer_store import ANSWERS, AnswerStore, open_engine

ANSWER = f"('a', 't', 'c', 'm', '1', {', '.join(8 * ['1'])}, 1)"
COLUMNS = "id, time, answer_id, action, who, note"
FAILURE = sa.exc.OperationalError("INSERT", {}, Exception('connection to server at "10.0.0.7" failed'))


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'new/answers.db'}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("UPDATE answers SET version = '9'", "answers only grows: no UPDATE"),
        ("DELETE FROM answers", "answers only grows: no DELETE"),
        ("UPDATE feedback SET labels = '[]'", "feedback only grows: no UPDATE"),
        ("DELETE FROM feedback", "feedback only grows: no DELETE"),
        ("UPDATE pictures SET data = ''", "pictures only grows: no UPDATE"),
        (f"REPLACE INTO answers VALUES {ANSWER}", "answers only grows: no REPLACE"),
        (f"INSERT OR REPLACE INTO answers VALUES {ANSWER}", "answers only grows: no REPLACE"),
        ("REPLACE INTO feedback VALUES ('f', 't', 'a', 'discard', '[]', '', '')", "feedback only grows: no REPLACE"),
        (
            f"REPLACE INTO feedback (rowid, {COLUMNS}) VALUES (1, 'g', 't', 'a', 'c', '', '')",
            "feedback only grows: no RE",
        ),
        ("REPLACE INTO pictures VALUES ('a', 'y')", "pictures only grows: no REPLACE"),
    ],
)
def test_the_database_refuses_to_change_what_was_stored(address, text, reason):
    engine = open_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO answers VALUES {ANSWER}"))
        connection.execute(sa.text("INSERT INTO feedback VALUES ('f', 't', 'a', 'confirm', '[]', '', '')"))
        connection.execute(sa.text("INSERT INTO pictures VALUES ('a', 'x')"))
    with pytest.raises(sa.exc.IntegrityError, match=reason), engine.begin() as connection:
        connection.execute(sa.text(text))
    with engine.begin() as connection:
        assert connection.execute(sa.text("DELETE FROM pictures")).rowcount == 1  # a person may
        assert connection.execute(sa.text("SELECT version FROM answers")).scalar() == "1"
    engine.dispose()


def test_several_servers_make_the_tables_at_once(address):
    start, errors = threading.Barrier(6), []

    def make():
        start.wait()
        try:
            open_engine(address).dispose()
        except UserError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    engine = open_engine(address)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")).scalar()
    engine.dispose()
    assert found == 11


def test_a_database_of_an_earlier_version_gets_the_triggers(address):
    engine = open_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO pictures VALUES ('a', 'x')"))
        for (name,) in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
    engine.dispose()
    engine = open_engine(address)
    with pytest.raises(sa.exc.IntegrityError, match="pictures only grows: no REPLACE"), engine.begin() as connection:
        connection.execute(sa.text("REPLACE INTO pictures VALUES ('a', 'y')"))
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO pictures VALUES ('b', 'y')"))
    engine.dispose()


def test_a_driver_that_is_missing_is_named(monkeypatch):
    def fail(*words, **options):
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(sa, "create_engine", fail)
    with pytest.raises(UserError, match="needs the package psycopg, which is not installed; for PostgreSQL: make") as e:
        open_engine("postgresql+psycopg://ada:secret@db/answers")
    assert "secret" not in str(e.value)


def test_a_database_that_does_not_answer_fails_a_group_at_once(address, monkeypatch):
    """Each member alone would wait for the same database again."""
    store = AnswerStore(address)
    is_begun, is_free, sizes = threading.Event(), threading.Event(), []

    def fail(rows):
        is_begun.set()
        is_free.wait(10)
        sizes.append(len(rows))
        raise FAILURE

    monkeypatch.setattr(store, "_commit", fail)
    jobs = [store.append([(ANSWERS, {})])]
    assert is_begun.wait(10)
    jobs += [store.append([(ANSWERS, {})]) for _ in range(3)]
    is_free.set()
    for job in jobs:
        with pytest.raises(sa.exc.OperationalError, match="failed"):
            job.result(10)
    assert sizes == [1, 3]
    store.close()


def test_what_cannot_be_stored_is_503_and_the_terminal_says_why(start, address, scans, monkeypatch):
    lines = []
    client, service = start(address, report=lines.append)
    png = {"Content-Type": "image/png"}
    identity = client.post("/predict", content=scans[0], headers=png).json()["predictions"][0]["id"]

    def fail(*words):
        raise FAILURE

    with monkeypatch.context() as patched:
        patched.setattr(service.store, "_commit", fail)
        answers = [client.post("/predict", content=scans[0], headers=png) for _ in range(2)]
        answers.append(client.post("/feedback", json={"id": identity, "action": "confirm"}))
        patched.setattr(service.store, "find_answer", fail)
        answers.append(client.post("/feedback", json={"id": identity, "action": "confirm"}))
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (503, "cannot_store")
        assert answer.headers["retry-after"] == "1"
        assert "10.0.0.7" not in answer.text
    assert lines == ['answers cannot be stored, and are refused with 503: connection to server at "10.0.0.7" failed']
    assert client.post("/predict", content=scans[0], headers=png).status_code == 200
    assert lines[1:] == ["answers are stored again"]
