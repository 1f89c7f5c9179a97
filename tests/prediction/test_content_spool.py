"""Large contents wait in files while others are decoded."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from trained_model import make_pictures

from pipeline.core.errors import ItemRejected, UserError
from pipeline.prediction import content_spool, tables
from pipeline.prediction.content_spool import open_spool
from pipeline.prediction.tables import predict_contents

SMALL, LARGE = b"s", b"l" * (content_spool.IN_MEMORY + 1)


def test_a_large_content_is_a_file_until_its_result_is_there(tmp_path):
    refused = ItemRejected("empty", "0 bytes")
    contents = [("a", SMALL), ("b", LARGE), ("c", refused), ("d", "d.png"), ("e", LARGE)]
    with open_spool(tmp_path) as spool:
        written = list(spool.write(contents))
        assert [written[at] for at in (0, 2, 3)] == [contents[at] for at in (0, 2, 3)]
        paths = [Path(written[at][1]) for at in (1, 4)]
        assert all(path.is_absolute() and path.read_bytes() == LARGE for path in paths)
        there = [(spool.free(number), *(path.exists() for path in paths))[1:] for number in (1, 1, 2, 1)]
        assert there == [(True, True), (False, True), (False, True), (False, False)]
    assert os.listdir(tmp_path) == []


def test_what_is_left_goes_when_a_call_ends_early(tmp_path):
    with suppress(KeyboardInterrupt), open_spool(tmp_path) as spool:
        list(spool.write([("a", LARGE)]))
        assert len(os.listdir(tmp_path)) == 1
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"/gone' cannot be written: No such file or directory; make room there$"):
        open_spool(tmp_path / "gone").__enter__()
    with open_spool(tmp_path) as spool:
        spool.folder.rmdir()
        with pytest.raises(UserError, match=r"/0' cannot be written: No such file.*; make room, or unpack the archive"):
            list(spool.write([("a", LARGE)]))
        spool.folder.mkdir()


def test_memory_does_not_grow_with_the_size_of_what_waits(classifier, encode, tmp_path, monkeypatch):
    """Of 64 pictures on their way to the processes none is in memory; the rows are those of small contents."""
    encoded = [encode(one) for one in make_pictures(20)]
    contents = [(f"{number}.png", encoded[number % 20]) for number in range(100)]
    ((expected, _),) = predict_contents(classifier, iter(contents), 100)
    monkeypatch.setattr(content_spool, "IN_MEMORY", 0)
    sent, original = [], content_spool.ContentSpool.write

    def write(own, items):
        for item in original(own, items):
            sent.append(type(item[1]))
            yield item

    monkeypatch.setattr(content_spool.ContentSpool, "write", write)
    waiting, classify = [], tables._classify
    monkeypatch.setattr(
        tables, "_classify", lambda *words: waiting.append(len(list(tmp_path.rglob("[0-9]*")))) or classify(*words)
    )
    ((found, _),) = predict_contents(classifier, iter(contents), 100, spool=tmp_path)
    assert waiting == [0]  # no file waits for the model
    assert sent == [str] * 100
    assert found.equals(expected)
    assert os.listdir(tmp_path) == []
