"""What was answered and said, as tables."""

import sqlite3
import threading
from datetime import timedelta

import pandas as pd
import pytest
from feedback_examples import START, answer, feedback, store_rows

from pipeline.core.errors import UserError
from pipeline.serving.answer_store import ANSWERS, FEEDBACK, PICTURES, AnswerStore
from pipeline.serving.answer_tables import read_answers, read_feedback

PNG, JPEG = b"\x89PNG one", b"\xff\xd8\xff two"


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'new' / 'answers.db'}"


@pytest.fixture
def filled(address):
    """Four pictures: p corrected twice, q confirmed, r without bytes, s discarded."""
    store = AnswerStore(address)
    rows = [(ANSWERS, answer(number, digest)) for number, digest in enumerate("ppqrs")]
    rows += [(PICTURES, {"answer_id": f"a{number}", "data": data}) for number, data in [(0, PNG), (2, JPEG), (4, PNG)]]
    said = [("a0", "correct", ["dog"]), ("a1", "correct", ["cat"]), ("a2", "confirm", ["cat"])]
    said += [("a3", "correct", ["dog"]), ("a4", "correct", ["dog"]), ("a4", "discard", None)]
    rows += [(FEEDBACK, feedback(number, *one)) for number, one in enumerate(said)]
    store.append(rows).result(10)
    store.close()
    return address


def test_answers_are_read_by_time_and_version(filled):
    table = read_answers(filled)
    assert table["id"].tolist() == ["a0", "a1", "a2", "a3", "a4"]
    assert table["confidence"].tolist() == [0.75] * 5
    assert table["class"].tolist() == ["cat"] * 5
    assert table["prop_brightness"].tolist() == [0, 0.1, 0.2, 0.3, 0.4]
    assert table["abstains"].tolist() == [False, True, False, False, False]
    assert table["time"].iloc[2] == pd.Timestamp("2026-11-01 14:00", tz="UTC")
    part = read_answers(filled, since=START + timedelta(hours=1), until=START + timedelta(hours=3))
    assert part["id"].tolist() == ["a1", "a2"]
    assert read_answers(filled, version="2").empty
    assert list(read_answers(filled, version="2").columns)[:3] == ["id", "time", "call"]


def test_a_score_that_was_no_number_is_left_out_of_the_confidence(address):
    rows = [answer(0, "p") | {"scores": {"cat": None, "dog": 0.25}}, answer(1, "q") | {"scores": {"cat": None}}]
    store_rows(address, [(ANSWERS, row) for row in rows])
    assert read_answers(address)["confidence"].fillna(-1).tolist() == [0.25, -1]


def test_feedback_is_joined_with_answers(filled):
    table = read_feedback(filled)
    assert table["is_right"].tolist() == [False, True, True, False, False, pd.NA]
    assert table["has_picture"].tolist() == [True, False, True, False, True, True]
    assert table["answered"].iloc[3] == pd.Timestamp("2026-11-01 15:00", tz="UTC")


def test_one_row_that_cannot_be_stored_spoils_no_other(address):
    import sqlalchemy as sa

    store = AnswerStore(address)
    store.append([(ANSWERS, answer(0, "p"))]).result(10)
    jobs = [store.append([(ANSWERS, answer(number, "q"))]) for number in (0, 1, 2)]
    with pytest.raises(sa.exc.IntegrityError, match="answers only grows: no REPLACE"):
        jobs[0].result(10)
    assert [one.result(10) for one in jobs[1:]] == [None, None]
    assert store.is_writable()
    store.close()
    assert not store.is_writable()
    assert read_answers(address)["id"].tolist() == ["a0", "a1", "a2"]


def test_a_request_that_was_given_up_is_not_stored_and_stops_no_other(address, monkeypatch):
    """Its client had 504 before its turn came; then the commit of its group fails."""
    store = AnswerStore(address)
    commit, is_begun, is_free, fails = store._commit, threading.Event(), threading.Event(), []

    def slow_commit(rows):
        is_begun.set()
        is_free.wait(10)
        if len(rows) > 1 or rows[0][1]["id"] == "a1":
            fails.append(len(rows))
            raise OSError("the disk is full")
        commit(rows)

    monkeypatch.setattr(store, "_commit", slow_commit)
    first = store.append([(ANSWERS, answer(0, "p"))])
    assert is_begun.wait(10)
    jobs = [store.append([(ANSWERS, answer(number, "q"))]) for number in (1, 2, 3)]
    assert jobs[0].cancel()
    assert jobs[1].cancel()
    is_free.set()
    assert first.result(10) is None
    assert jobs[2].result(10) is None
    assert store.append([(ANSWERS, answer(4, "q"))]).result(10) is None
    assert fails == []
    with pytest.raises(OSError, match="the disk is full"):
        store.append([(ANSWERS, answer(1, "q"))]).result(10)
    assert store.is_writable()
    store.close()
    assert read_answers(address)["id"].tolist() == ["a0", "a3", "a4"]


def test_readers_make_no_database(address, tmp_path):
    with pytest.raises(UserError, match=r"answers.db does not exist: no server has stored an answer there"):
        read_answers(address)
    assert not (tmp_path / "new").exists()


def test_what_was_committed_outlives_the_process(filled):
    import sqlalchemy as sa

    from pipeline.serving.answer_store import open_engine

    engine = open_engine(filled)
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "message"),
    [("scores = '['", "Expecting value"), ("scores = '[1]'", "values"), ("properties = '[1]'", "not supported between"),
     ("labels = '[[]]'", "list"), ("time = 'noon'", "noon")],
)  # fmt: skip
def test_answers_that_no_server_wrote_are_one_line(filled, change, message):
    with sqlite3.connect(filled.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TRIGGER answers_UPDATE")
        connection.execute(f"UPDATE answers SET {change} WHERE id = 'a2'")
    connection.close()
    with pytest.raises(
        UserError, match=rf"^the answers cannot be read from sqlite:.*\(.*{message}.*\); try again"
    ) as at:
        read_answers(filled)
    assert "\n" not in str(at.value)
