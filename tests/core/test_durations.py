"""How long stages took: for people only, so nothing about it may stop a run."""

import pytest

from pipeline.core import durations

DAMAGED = ["", "[]", "3", "{", "\x00", '{"elpv": 3}', '{"elpv": {"train": "x"}}', '{"elpv": null}']


def test_the_last_time_of_each_stage_and_data_set(project):
    durations.record_duration("elpv", "ingest", 25.94)
    durations.record_duration("elpv", "train", 278.0)
    durations.record_duration("digits", "ingest", 3.0)
    durations.record_duration("elpv", "ingest", 20.0)
    assert durations.read_durations("elpv") == {"ingest": 20.0, "train": 278.0}
    assert durations.read_durations("digits") == {"ingest": 3.0}
    assert durations.read_durations("other") == {}
    assert durations.has_ended_well("train")
    assert not durations.has_ended_well("register")


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_says_nothing_and_is_replaced(project, text):
    durations.FILE.parent.mkdir()
    durations.FILE.write_text(text)
    assert durations.read_durations("elpv") == {}
    durations.has_ended_well("train")
    durations.record_duration("elpv", "train", 1.0)
    assert durations.read_durations("elpv")["train"] == 1.0


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(project):
    durations.FILE.parent.write_text("a file")
    durations.record_duration("elpv", "train", 1.0)
    assert durations.read_durations("elpv") == {}
