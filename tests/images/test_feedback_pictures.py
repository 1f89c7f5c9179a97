"""A folder of feedback is read as it was written, and a damaged table is named with its line."""

import pytest
from feedback_examples import feedback_id, write_feedback

from pipeline.core import artifacts
from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources.folder import Folder
from pipeline.images.feedback_pictures import FeedbackPictures, is_feedback, source_of

DIGEST = "0" * 64


@pytest.fixture
def folder(project, encode, noise):
    return write_feedback("x", [(encode(noise()), "cat|dog")], [(DIGEST, "cat", "discarded", "Ada: leave it out")])


def test_what_was_written_is_read(folder, encode, noise):
    data = encode(noise())
    found = FeedbackPictures.of("x")
    rows = found.read().set_index("path")
    assert list(rows.index) == [feedback_id(data), f"feedback:{DIGEST}"]
    first, second = (rows.iloc[row] for row in range(2))
    assert (first["labels"], first["refused"], first["attr_origin"]) == (["cat", "dog"], None, "feedback")
    assert (first["attr_of_label_decided"], first["attr_of_label_version"], first["attr_of_label_who"]) == (
        "cat", "3", "Ada"
    )  # fmt: skip
    assert (second["refused"], second["detail"]) == ("discarded", "Ada: leave it out")
    assert found.open(feedback_id(data)) == data
    assert found.stat(feedback_id(data))[0] == len(data)
    assert found.file_of(feedback_id(data)).read_bytes() == data
    with pytest.raises(ItemRejected, match="no such file"):
        found.open(f"feedback:{DIGEST}.png")


def test_a_data_set_without_feedback_has_none(project):
    assert FeedbackPictures.of("x").read().empty
    with pytest.raises(UserError, match=r"^source\.name 'a/b' cannot name a file"):
        FeedbackPictures.of("a/b")


@pytest.mark.parametrize(
    "name", ["feedback:a.png", f"feedback:{DIGEST}/../x", f"feedback/{DIGEST}.png", f"feedback:{DIGEST}.png\n", "a.png"]
)
def test_only_a_digest_is_taken_for_feedback(name):
    source = Folder(name="x", path="data/raw", watch="data/raw")
    assert not is_feedback(name)
    assert source_of(source, name) is source
    assert source_of(source, f"feedback:{DIGEST}.png") == FeedbackPictures.of("x")
    assert artifacts.feedback_folder("x").as_posix() == "data/feedback/x"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("labels.csv", "image,", "picture,", r"labels\.csv: line 1 names no column 'image'; colibri retrain writes it"),
        ("labels.csv", "pictures/", "../../", r"labels\.csv: line 2: image must be pictures/SHA256\.png, found '\.\./"),
        ("labels.csv", "cat|dog", '"[cat"', r"labels\.csv: line 2, label: '\[cat' begins like a JSON list, but"),
        (
            "left_out.csv",
            "discarded",
            "odd",
            r"left_out\.csv: line 2: expected a SHA-256 and one of discarded, .*'odd'",
        ),
        ("left_out.csv", DIGEST, "../x", r"left_out\.csv: line 2: expected a SHA-256 .*'\.\./x'"),
        ("left_out.csv", ",discarded", "", r"left_out\.csv: line 2 has 3 fields, expected 4"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(folder, file, old, new, message):
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=message):
        FeedbackPictures.of("x").read()
