"""Every reading of the test part is counted, whoever reads, and whatever happens to the file."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from predictions_examples import make_predictions

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.test_ledger import (
    LEDGER,
    Reading,
    Uses,
    count_uses,
    digest_samples,
    list_until,
    read_history,
    read_readings,
    record,
    write_history,
)


def model(*decided, names=None):
    return make_predictions([[1, 0]] * len(decided), [[one, not one] for one in decided], names=names)


def reading(*decided, what="evaluate", run="key"):
    return Reading.of([model(*decided)], what, run)


def test_a_reading_names_the_test_part_the_result_and_the_run(project):
    record(reading(True, False))
    (one,) = read_readings()
    assert (one.what, one.run) == ("evaluate", "key")
    assert one.test_set == digest_samples(["s1", "s0"]) == artifacts.content_digest(b'["s0","s1"]')
    assert one.date.endswith("+00:00")


def test_different_results_count_and_repeated_ones_do_not(project):
    for one in (reading(True, True), reading(True, False), reading(True, True), reading(True, True, run="other")):
        record(one)
    record(reading(True, True, what="compare", run="A and B"))
    record(Reading.of([model(True, names=["x"])], "evaluate", "key"))
    uses = count_uses(digest_samples(["s0", "s1"]))
    assert uses.results == {"compare": 1, "evaluate": 2}
    assert uses.total == 3
    assert len(read_readings()) == 5  # the repeated one is written once
    assert count_uses("another").total == 0


def test_a_comparison_of_the_same_two_in_another_order_is_another_result(project):
    first, second = model(True, True), model(True, False)
    record(Reading.of([first, second], "compare", "A and B"))
    record(Reading.of([first, second], "compare", "A and B"))
    record(Reading.of([second, first], "compare", "B and A"))
    assert count_uses(digest_samples(["s0", "s1"])).total == 2


def test_a_line_that_was_cut_short_hides_no_other(project):
    record(reading(True))
    text = LEDGER.read_text()
    LEDGER.write_text(text + text[:30])
    record(reading(False))
    assert [one.result for one in read_readings()] == [reading(True).result, reading(False).result]
    LEDGER.write_bytes(LEDGER.read_bytes() + b'[1]\n{"what": 3}\n\xff\n')
    assert len(read_readings()) == 2


def test_a_stage_in_a_copy_writes_into_the_main_checkout(project, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    record(reading(True))
    assert not LEDGER.exists()
    assert (tmp_path / LEDGER).is_file()


def test_lines_of_several_writers_do_not_mix(project):
    same = reading(True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record(replace(same, result=f"{number:032x}")), range(64)))
    assert len({one.result for one in read_readings()}) == 64


def test_a_folder_in_its_place_stops_the_evaluation(project):
    LEDGER.mkdir()
    with pytest.raises(UserError, match=r"test_readings\.jsonl, which counts .* \(Is a directory\); make it writable"):
        record(reading(False))


def test_the_readings_until_an_evaluation_stay_what_they_were(project):
    first, second = reading(True, True), reading(True, False, run="second")
    for one in (first, reading(True, True, what="compare", run="A and B"), second):
        record(one)
    record(Reading.of([model(True, names=["x"])], "evaluate", "key"))
    write_history(list_until(second))
    before = artifacts.TEST_READINGS.read_bytes()
    assert Uses.of(read_history()) == Uses(results={"compare": 1, "evaluate": 2})
    assert [one.run for one in read_history()] == ["key", "A and B", "second"]
    assert b"date" not in before  # the same readings on another day give the same bytes
    record(reading(False, False))
    record(replace(second, run="again"))
    write_history(list_until(replace(second, date="later")))
    assert artifacts.TEST_READINGS.read_bytes() == before
    assert Uses.of(list_until(first)).total == 1


def test_a_reading_that_the_ledger_lacks_is_the_last(project):
    record(reading(True, True))
    assert [one.result for one in list_until(reading(False, False))] == [
        reading(True, True).result,
        reading(False, False).result,
    ]


@pytest.mark.parametrize("text", ["{}", "[1]", '{"test_set": "x", "readings": [{"what": 1}]}'])
def test_a_history_that_is_none(project, text):
    artifacts.write_text(artifacts.TEST_READINGS, text)
    with pytest.raises(UserError, match=r"^reports/test_readings\.json: not a list of readings of test; remove it and"):
        read_history()
