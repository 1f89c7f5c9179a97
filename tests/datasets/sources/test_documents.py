"""What is wrong in a document is said with the file and the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.delimited_text import decode_text
from pipeline.core.errors import UserError
from pipeline.datasets.sources import documents
from pipeline.datasets.sources.documents import expect, parse_json, read_document, read_json


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')
    assert read_json(tmp_path / "a.json") == {"a": "é"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":\n 1,}', r"x: not valid JSON at line 2 column \d \(.*\); export it again"),
        ("", r"x: not valid JSON at line 1 column 1"),
        ("[" * 200_000, r"x: not readable JSON \(.*recursion.*\); export it again"),
        ("1" * 5_000, r"x: not readable JSON \(Exceeds the limit .*\); export it again"),
    ],
)
def test_damaged_json(text, message):
    with pytest.raises(UserError, match=message):
        parse_json(text, "x")


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_in_one_line(data):
    try:
        parse_json(decode_text(data, documents.Path("x")), "x")
    except UserError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_missing_and_oversized_files(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"source\.path '.*gone' is not a file; set it to the file"):
        read_document(tmp_path / "gone")
    (tmp_path / "big").write_bytes(b"1234")
    monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 3)
    with pytest.raises(UserError, match=r"source\.path '.*big' has 4 bytes, at most 3 are read"):
        read_document(tmp_path / "big")


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (1, list, r"^here: expected a list, found 1; export it again"),
        (["x" * 99], dict, r"^here: expected an object, found \[\"x{38}\.\.\.; export it again"),
        (None, str, r"^here: expected a text, found null"),
    ],
)
def test_another_kind(value, kind, message):
    with pytest.raises(UserError, match=message):
        expect(value, kind, "here")
