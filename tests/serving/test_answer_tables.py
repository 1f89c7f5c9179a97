"""What was answered and said, as tables; corrected pictures as a data set."""

import threading
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.serving.answer_store import ANSWERS, FEEDBACK, PICTURES, AnswerStore
from pipeline.serving.answer_tables import as_text, read_answers, read_feedback
from pipeline.serving.feedback_export import export_feedback

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PNG, JPEG = b"\x89PNG one", b"\xff\xd8\xff two"


def answer(number, digest, version="1"):
    return {
        "id": f"a{number}",
        "time": as_text(START + timedelta(hours=number)),
        "call": "predict",
        "model": "m",
        "version": version,
        "digest": digest,
        "content_hash": f"c{digest}",
        "labels": ["cat"],
        "scores": {"cat": 0.75, "dog": 0.25},
        "abstains": number == 1,
        "label_set": None,
        "out_of_distribution": None,
        "reason": "",
        "properties": {"brightness": number / 10},
    }


def feedback(number, answer_id, action, labels):
    time = as_text(START + timedelta(days=1, hours=number))
    return {"id": f"f{number}", "time": time, "answer_id": answer_id, "action": action, "labels": labels,
            "who": "Ada", "note": ""}  # fmt: skip


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


def test_feedback_is_joined_with_answers(filled):
    table = read_feedback(filled)
    assert table["is_right"].tolist() == [False, True, True, False, False, pd.NA]
    assert table["has_picture"].tolist() == [True, False, True, False, True, True]
    assert table["answered"].iloc[3] == pd.Timestamp("2026-11-01 15:00", tz="UTC")


def test_the_last_word_about_a_picture_is_exported_with_its_origin(filled, tmp_path):
    """p: dog, then cat, by another answer to the same bytes; s is left out; r has no bytes."""
    found = export_feedback(tmp_path / "out", filled)
    assert (found.pictures, found.not_stored, found.discarded) == (2, 1, 1)
    file = tmp_path / "out/labels.csv"
    table = pd.read_csv(file)
    assert table[["image", "label", "origin", "version"]].to_dict("records") == [
        {"image": "pictures/p.png", "label": "cat", "origin": "feedback", "version": 1},
        {"image": "pictures/q.jpg", "label": "cat", "origin": "feedback", "version": 1},
    ]
    assert (tmp_path / "out/pictures/p.png").read_bytes() == PNG
    before = file.read_bytes()
    export_feedback(tmp_path / "out", filled)
    assert file.read_bytes() == before


def test_the_source_table_reads_the_export(filled, tmp_path):
    from pipeline.datasets.sources.table import Table

    export_feedback(tmp_path / "out", filled)
    source = Table(
        name="feedback",
        path=str(tmp_path / "out/labels.csv"),
        pictures=str(tmp_path / "out"),
        watch=str(tmp_path / "out"),
        image_column="image",
        label_column="label",
        label_separator=None,
        label_columns=None,
        group_column=None,
        split_column=None,
        attribute_columns=["origin"],
        empty="negative",
    )
    items = source.read()
    assert items["labels"].tolist() == [["cat"], ["cat"]]
    assert items["attr_origin"].tolist() == ["feedback", "feedback"]


def test_one_row_that_cannot_be_stored_spoils_no_other(address):
    import sqlalchemy as sa

    store = AnswerStore(address)
    store.append([(ANSWERS, answer(0, "p"))]).result(10)
    jobs = [store.append([(ANSWERS, answer(number, "q"))]) for number in (0, 1, 2)]
    with pytest.raises(sa.exc.IntegrityError, match="UNIQUE"):
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
