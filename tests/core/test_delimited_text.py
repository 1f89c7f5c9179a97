"""Text is read in one encoding, and tables of text with the line of what is wrong."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.delimited_text import decode_text, split_rows
from pipeline.core.errors import UserError

PATH = Path("x.csv")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a\nb,é\n".encode("latin1"), r"x\.csv: line 2 is not UTF-8 \(byte 0xe9\); .* iconv -f LATIN1 -t UTF-8"),
        ("a\n".encode("utf-16"), r"x\.csv: line 1 is not UTF-8 \(byte 0xff\); .* iconv -f UTF-16 -t UTF-8"),
    ],
)
def test_other_encodings(tmp_path, data, message):
    with pytest.raises(UserError, match=message):
        decode_text(data, tmp_path / "x.csv")


def test_a_byte_order_mark_is_passed_over():
    assert decode_text(b"\xef\xbb\xbfa\xc3\xa9", PATH) == "a\u00e9"


def test_columns_rows_and_their_lines():
    text = 'a , b\r\n1,2\r\n\r\n"x\ny",z\r\n,\r\n3,4'
    columns, rows, lines = split_rows(PATH, text)
    assert columns == ["a", "b"]
    assert rows == [{"a": "1", "b": "2"}, {"a": "x\ny", "b": "z"}, {"a": "3", "b": "4"}]
    assert lines == [2, 4, 7]


def test_nothing_is_a_table_of_nothing():
    assert split_rows(PATH, "") == ([], [], [])
    assert split_rows(PATH, "a,b\n") == (["a", "b"], [], [])


@pytest.mark.parametrize(
    ("text", "separator", "message"),
    [
        ("a,a\n", ",", r"^x\.csv: line 1 names the column 'a' twice; rename one$"),
        ("a,b\n1\n", ",", r"^x\.csv: line 2 has 1 fields, expected 2 as in its first line; quote fields .* a comma"),
        ("a\tb\n1\n", "\t", r"quote fields that hold a tab"),
        ('a,b\n1,2\n3,"4\n', ",", r"^x\.csv: line 3 is damaged \(.*\); look for a quote that is not closed$"),
        ('a,b\n1,"2"3\n', ",", r"^x\.csv: line 2 is damaged"),
    ],
)
def test_damaged_rows(text, separator, message):
    with pytest.raises(UserError, match=message):
        split_rows(PATH, text, separator)


def test_the_beginning_of_a_file_may_end_within_a_field():
    assert split_rows(PATH, 'a,b\n1,2\n3,"4\n', whole=False)[1] == [{"a": "1", "b": "2"}]


fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(st.tuples(fields, fields)))
def test_whatever_was_written_is_read(rows):
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b"), *rows])
    assert split_rows(PATH, text.getvalue())[1] == [{"a": one, "b": other} for one, other in rows]
