"""What models said is a file that only grows, and comes back as it was."""

import errno
import os

import pytest
from decision_lines import say

from pipeline.core.errors import UserError
from pipeline.labelling.automatic import csv_lines
from pipeline.labelling.automatic.model_answers import ModelAnswer, answers_file, append_answers, read_answers


@pytest.fixture
def path(project):
    return answers_file("pets")


def test_lines_come_back(path):
    assert read_answers(path) == []
    first = [
        say("a,b", "x|y"),
        ModelAnswer(sample_id='"q"\n', model="m@1", labels=[], confidence=0.25, batch="audit/1"),
    ]
    append_answers(path, first)
    append_answers(path, [])
    append_answers(path, [say("c", "é")])
    assert read_answers(path) == [*first, say("c", "é")]
    assert path.as_posix() == "data/label_decisions/pets.model.csv"


def test_a_line_that_an_editor_left_open_is_closed(path):
    append_answers(path, [say("a", "cat")])
    path.write_text(path.read_text().rstrip("\n"))
    append_answers(path, [say("b", "cat")])
    assert [one.sample_id for one in read_answers(path)] == ["a", "b"]


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    append_answers(path, [say("a", "cat")])
    before = path.read_bytes()

    def fail(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(csv_lines.os, "fsync", fail)
    with pytest.raises(UserError, match=r"pets\.model\.csv cannot be written, and no line was added: No space left"):
        append_answers(path, [say("b", "cat")])
    assert path.read_bytes() == before


def test_bad_lines_are_named(path):
    append_answers(path, [say("a", "cat")])
    good = path.read_text()
    path.write_text(good.replace("0.900000", "sure"))
    with pytest.raises(UserError, match=r"pets.model.csv: line 2: could not convert .*; mend or remove the line"):
        read_answers(path)
    path.write_text(good.replace("0.900000", "nan"))
    with pytest.raises(UserError, match="line 2: confidence must be from 0 to 1, found 'nan'"):
        read_answers(path)
    path.write_text(good.replace("batch", "lot"))
    with pytest.raises(UserError, match="line 1 names no column 'batch'; it must name sample_id,model,"):
        read_answers(path)
    with pytest.raises(UserError, match="line 1 must be 'sample_id,model,labels,confidence,batch', found 'sample_id"):
        append_answers(path, [say("b", "cat")])
    path.write_text("model,sample_id,labels,confidence,batch\n")
    with pytest.raises(UserError, match="line 1 must be 'sample_id,model,labels,confidence,batch', found 'model,"):
        append_answers(path, [say("b", "cat")])
