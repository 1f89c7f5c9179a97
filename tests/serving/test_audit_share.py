"""Answers picked at random for a person give the accuracy in production; others do not count."""

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from feedback_examples import START, answer, feedback, store_rows

from pipeline.core.errors import UserError
from pipeline.serving.answer_store import ANSWERS, AUDITS, FEEDBACK, PICTURES, open_engine
from pipeline.serving.audit_share import describe_accuracy, is_picked, measure_accuracy, read_audits


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path}/answers.db"


def fill(address, number, said, share=0.1, model="m"):
    """Answers, all picked, and what people said of them: answer, action, labels, who."""
    rows = [(ANSWERS, answer(row, f"{row:064x}", model=model)) for row in range(number)]
    rows += [(AUDITS, {"answer_id": f"a{row}", "share": share}) for row in range(number)]
    rows += [
        (FEEDBACK, feedback(row, f"a{of}", action, labels, who)) for row, (of, action, labels, who) in enumerate(said)
    ]
    return store_rows(address, rows)


def test_a_share_is_picked_whatever_was_answered():
    names = [f"answer {row}" for row in range(20_000)]
    picked = [one for one in names if is_picked(one, 0.02)]
    assert len(picked) == pytest.approx(400, abs=80)
    assert set(picked) <= {one for one in names if is_picked(one, 0.05)}
    assert all(is_picked(one, 1.0) for one in names[:100])
    assert not any(is_picked(one, 0.0) for one in names[:100])


def test_the_last_word_of_each_person_counts(address):
    said = [
        (0, "confirm", ["cat"], "Ada"),
        (1, "confirm", ["cat"], "Ada"),
        (1, "correct", ["dog"], "Ada"),  # she thought again
        (2, "correct", ["dog"], "Ada"),
        (2, "confirm", ["cat"], "Bo"),  # they differ
        (3, "discard", None, "Ada"),
        (4, "correct", ["cat"], ""),
    ]
    found = read_audits(fill(address, 6, said), "m")
    assert found["outcome"].tolist() == ["right", "wrong", "waiting", "discarded", "right", "waiting"]
    assert found["share"].tolist() == [0.1] * 6
    measured = measure_accuracy(found)
    assert (measured.num_picked, measured.num_waiting, measured.num_discarded) == (6, 2, 1)
    assert (measured.accuracy.value, measured.accuracy.n) == (pytest.approx(2 / 3), 3)
    assert len(read_audits(address, "m", since=START + timedelta(hours=4))) == 2
    assert read_audits(address, "other").empty
    assert read_audits(address, "m", version="7").empty


def test_accuracy_with_its_interval(address):
    said = [(row, "confirm", ["cat"], "Ada") if row % 10 else (row, "correct", ["dog"], "Ada") for row in range(50)]
    measured = measure_accuracy(read_audits(fill(address, 55, said), "m"))
    assert measured.accuracy.value == pytest.approx(0.9)
    assert describe_accuracy(measured).startswith("Accuracy in production 90.0 % (7")
    assert describe_accuracy(measured).endswith(
        "by 50 answers that people looked at; 5 of 55 picked answers wait for a person."
    )


def test_disputed_answers_that_were_not_picked_do_not_count(address):
    rows = [(ANSWERS, answer(row, f"{row:064x}")) for row in range(20)]
    rows += [(FEEDBACK, feedback(row, f"a{row}", "correct", ["dog"])) for row in range(20)]
    measured = measure_accuracy(read_audits(store_rows(address, rows), "m"))
    assert measured.num_picked == 0
    assert describe_accuracy(measured) == (
        "Accuracy in production cannot be judged: no answer was picked for a person (colibri serve --audit-share)."
    )


def test_a_database_of_an_earlier_colibri_has_no_picked_answer(address):
    store_rows(address, [(ANSWERS, answer(0, "0" * 64))])
    engine = open_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE audits"))
    engine.dispose()
    assert read_audits(address, "m").empty
    fill(address, 0, [])  # a server of today makes the table
    assert read_audits(address, "m").empty


def test_the_table_only_grows(address):
    fill(address, 1, [])
    engine = open_engine(address)
    with pytest.raises(sa.exc.DBAPIError, match="audits only grows"), engine.begin() as connection:
        connection.execute(AUDITS.update().values(share=1.0))
    engine.dispose()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_server_picks_and_stores_the_pictures_of_picked_answers(start, address, scans, share):
    client, service = start(address, audit_share=share)
    for _ in range(3):
        found = client.post("/predict", files=[("files", ("a.png", scans[0], "image/png"))])
        assert found.status_code == 200
        assert "audit" not in found.text
    with service.store.engine.connect() as connection:
        picked = connection.execute(sa.select(AUDITS)).all()
        stored = connection.execute(sa.select(PICTURES.c.data)).scalars().all()
    assert len(picked) == len(stored) == 3 * int(share)
    assert {one.share for one in picked} <= {1.0}
    assert all(one == scans[0] for one in stored)


def test_shares_are_checked():
    from pipeline.commands.serve import main

    limits = {"max_megabytes": None, "max_pictures": 1, "max_requests": 1, "max_seconds": 1.0}
    others = {"model": None, "port": 5001, "host": "127.0.0.1", "allow_host": [], "store": None, "poll": 0.0}
    for wrong in (-0.1, 1.5, np.nan):
        with pytest.raises(UserError, match=r"--audit-share must be from 0 to 1, got"):
            main(**others, **limits, keep_pictures=False, measures=False, audit_share=float(wrong))
