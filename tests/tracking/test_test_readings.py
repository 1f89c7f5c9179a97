"""Runs of several machines in one store: each checkout learns of the readings of all."""

from pipeline.core.test_ledger import EVALUATE, Reading, count_uses, read_readings, write_history
from pipeline.tracking.experiments import open_experiment
from pipeline.tracking.test_readings import READINGS, TEST_RESULT, TEST_SET, share_reading


def reading(result):
    return Reading(test_set="set of three", result=result, what=EVALUATE, run="key", date="2026-01-01T00:00:00+00:00")


def test_a_run_says_what_it_read_and_the_count_holds_all(store, client, project, monkeypatch):
    experiment = open_experiment(client, "readings")
    first, second = (client.create_run(experiment).info.run_id for _ in range(2))
    share_reading(first, reading("one"))
    assert client.get_run(first).data.tags[TEST_SET] == "set of three"
    assert client.get_run(first).data.tags[TEST_RESULT] == "one"
    (store / "test_readings.jsonl").unlink()  # as on another machine with the same store
    share_reading(second, reading("two"))
    assert {one.result for one in read_readings()} == {"one", "two"}
    assert count_uses("set of three").total == 2
    assert client.get_run(second).data.metrics[READINGS] == 2
    share_reading(second, reading("two"))
    assert count_uses("set of three").total == 2
    (store / "test_readings.jsonl").unlink()


def test_what_dvc_brought_from_another_checkout_counts_here(store, client, project):
    run_id = client.create_run(open_experiment(client, "readings")).info.run_id
    theirs, ours = reading("theirs"), reading("ours")
    earlier, last = (Reading(**{**vars(one), "test_set": "another set"}) for one in (theirs, ours))
    write_history([earlier, last])
    for _ in range(2):
        share_reading(run_id, last)
        assert count_uses("another set").total == 2
        assert all(one.date for one in read_readings() if one.result == "ours")
    (store / "test_readings.jsonl").unlink()
