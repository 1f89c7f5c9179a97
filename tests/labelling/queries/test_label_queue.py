"""The queue comes back as it was written, and a file that is none is named."""

import pytest

from pipeline.core.errors import UserError
from pipeline.labelling.queries.label_queue import QUEUE, QueuedSample, next_number, read_queue, write_queue


def make_sample(name: str, order: int, strategy: str = "typical") -> QueuedSample:
    return QueuedSample(
        sample_id=name, batch=f"{strategy}/3", order=order, strategy=strategy, score=0.125, why="why, in words"
    )


def test_a_queue_comes_back(project):
    assert read_queue() == []
    samples = [make_sample("a, b\u00e9.png", 1), make_sample("=c", 2, "random")]
    write_queue(samples)
    assert read_queue() == samples
    assert QUEUE.read_text().splitlines()[0] == "sample_id,batch,order,strategy,score,why"


def test_lines_come_in_their_order(project):
    write_queue([make_sample("b", 2), make_sample("a", 1)])
    assert [line.sample_id for line in read_queue()] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample_id,batch\na,b\n", r"label_queue.csv has no column 'order'; remove it"),
        (
            "sample_id,batch,order,strategy,score,why\na,b,first,s,0.1,w\n",
            r"label_queue.csv: line 2 must hold a whole number in order and a number in score, got 'first' and '0.1'",
        ),
    ],
)
def test_a_file_that_is_no_queue_is_refused(project, text, message):
    QUEUE.parent.mkdir()
    QUEUE.write_text(text)
    with pytest.raises(UserError, match=message):
        read_queue()


def test_numbers_go_on_after_the_largest():
    assert next_number([]) == 1
    assert next_number(["typical/2", "random/11", "margin/2026-11-30", "", "x/99999999999"]) == 12
