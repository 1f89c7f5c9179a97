"""Choices become labels by vote, and a task's address leads to the file that the export stored."""

import json
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.datasets.sources.label_studio import LabelStudio, locate_picture, vote


def annotation(*choices, control="kind", **more):
    value = {"choices": list(choices)}
    return {"result": [{"type": "choices", "from_name": control, "to_name": "image", "value": value}], **more}


def task(image, *annotations, **more):
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations), "predictions": [], **more}


@pytest.fixture
def source(tmp_path):
    """An export of the given content beside pictures."""

    def build(content, *pictures):
        (tmp_path / "export.json").write_text(json.dumps(content), encoding="utf-8")
        for picture in pictures:
            (tmp_path / "images" / picture).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "images" / picture).write_bytes(picture.encode())
        (tmp_path / "images").mkdir(exist_ok=True)
        folder = str(tmp_path)
        return LabelStudio(name="l", path=f"{folder}/export.json", pictures=f"{folder}/images", watch=folder)

    return build


def test_single_and_multiple_choices_and_tasks_without(source):
    content = [
        task("/data/upload/1/a.jpg", annotation("cat")),
        task("/data/upload/1/b%20c.jpg", annotation("dog", "cat")),
        task("/data/upload/1/d.jpg"),
        task("/data/upload/1/e.jpg", annotation("cat", was_cancelled=True), {"result": [{"type": "brushlabels"}]}),
    ]
    one = source(content, "a.jpg", "1/b c.jpg", "d.jpg", "left.jpg")
    table = one.read()
    assert table[["path", "labels", "refused"]].to_numpy().tolist() == [
        ["a.jpg", ["cat"], None],
        ["1/b c.jpg", ["cat", "dog"], None],
        ["d.jpg", [], None],
        ["1/e.jpg", [], None],
        ["left.jpg", [], "no_row"],
    ]
    assert table["negative"].tolist() == [False, False, False, True, False]  # only the last task was annotated
    assert table["attr_disagreement"].tolist()[:4] == [False] * 4
    assert one.open("1/b c.jpg") == b"1/b c.jpg"


def test_annotators_vote(source):
    content = [
        task("a.jpg", annotation("cat"), annotation("dog"), annotation("cat")),
        task("b.jpg", annotation("cat"), annotation("dog")),
        task("c.jpg", annotation("cat", "dog"), annotation("cat", "bird"), annotation("cat")),
        task("d.jpg", annotation("cat", "dog"), annotation("cat")),
    ]
    table = source(content).read()
    assert table["labels"].tolist() == [["cat"], [], ["cat"], ["cat"]]
    assert table["attr_disagreement"].tolist() == [False, True, False, True]


def test_the_control_that_is_used_most_gives_the_labels(source):
    both = annotation("cat")
    both["result"] += annotation("blurred", control="image quality")["result"]
    table = source([task("a.jpg", both), task("b.jpg", annotation("dog"))]).read()
    assert table["labels"].tolist() == [["cat"], ["dog"]]
    assert table["attr_image_quality"].fillna("none").tolist() == ["blurred", "none"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], (set(), False)),
        ([set()], (set(), False)),
        ([{"a"}, {"a"}, {"b"}, {"c"}], ({"a"}, False)),
        ([{"a"}, {"b"}, {"c"}], (set(), True)),
        ([{"a"}, set(), set()], (set(), False)),
        ([{"a", "b"}, {"a"}, {"b"}], ({"a", "b"}, False)),
        ([{"a", "b"}, set()], (set(), True)),
    ],
)
def test_votes(answers, expected):
    assert vote(answers) == expected


@given(st.lists(st.sets(st.sampled_from("abc")), min_size=1, max_size=5))
def test_the_order_of_annotators_does_not_matter(answers):
    assert vote(answers) == vote(answers[::-1])


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("/data/upload/3/x%20y.jpg", "x y.jpg"),
        ("/data/upload/3/x%20y.jpg", "3/x y.jpg"),
        ("/data/upload/x.jpg", "x.jpg"),
        ("/data/local-files/?d=set/day%20one/x%2By.jpg", "day one/x+y.jpg"),
        ("http://host:8080/data/local-files/?d=set/x.jpg", "set/x.jpg"),
        ("https://host/a/b/x.jpg?token=1#top", "b/x.jpg"),
        ("s3://bucket/a/x.jpg", "a/x.jpg"),
        ("x%20y.jpg", "x%20y.jpg"),
        ("x%20y.jpg", "x y.jpg"),
        ("a\nb.jpg", "a\nb.jpg"),
    ],
)
def test_where_a_picture_is_found(tmp_path, url, stored):
    (tmp_path / stored).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / stored).touch()
    assert locate_picture(tmp_path, url) == stored


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/data/local-files/?d=../../etc/passwd", "outside"),
        ("/data/local-files/?d=/etc/passwd", "outside"),
        ("/data/upload/%2e%2e/%2e%2e/secret.jpg", "outside"),
        ("C:\\set\\x.jpg", "outside"),
        ("data:image/png;base64," + "AAAA/" * 10_000, "bad_annotation"),
        ("", "bad_annotation"),
        (None, "bad_annotation"),
        (["a.jpg"], "bad_annotation"),
    ],
)
def test_addresses_that_lead_to_no_picture(source, url, reason):
    assert source([task(url, annotation("cat"))]).read()["refused"].tolist() == [reason]


def test_a_picture_under_another_name_than_image(source):
    content = [
        {"id": 4, "data": {"text": "note", "photo": "/data/upload/1/a.JPG?x"}},
        {"id": 5, "data": {"text": "note"}},
    ]
    table = source(content, "a.JPG").read()
    assert table["path"].tolist() == ["a.JPG", "task 5"]
    assert table["detail"].tolist() == [None, "data names no picture, it has ['text']"]


@given(st.text(max_size=30))
def test_any_address_is_found_or_not(tmp_path_factory, url):
    assert isinstance(locate_picture(tmp_path_factory.getbasetemp(), url), str)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, r"export\.json: expected a list, found \{\}"),
        ([], r"export\.json holds no task; expected one for each picture"),
        ([{"image": "a.jpg", "choice": "cat"}], r"task 1 has no data; export as JSON, not as JSON-MIN"),
        ([task("a"), 3], r"task 2: expected an object, found 3"),
        ([task("a", 3)], r"task 1, annotations: expected an object, found 3"),
        ([task("a", {"result": [{"type": "choices"}]})], r"task 1, value: expected an object, found null"),
        ([task("a", annotation(3))], r"task 1, choices: expected a text, found 3"),
    ],
)
def test_what_is_wrong_with_the_file(source, content, message):
    with pytest.raises(UserError, match=message):
        source(content).read()


def test_the_vote_agrees_with_counting_by_hand():
    for answers in product([frozenset(), frozenset("a"), frozenset("b")], repeat=3):
        most = max(answers.count(one) for one in answers)
        best = {one for one in answers if answers.count(one) == most}
        expected = (set(next(iter(best))), False) if len(best) == 1 else (set(), True)
        assert vote([set(one) for one in answers]) == expected


def test_who_agrees_on_no_choice_says_that_none_applies_and_a_tie_says_nothing(source):
    content = [
        task("a.jpg", annotation("cat"), annotation()),
        task("b.jpg", annotation(), annotation()),
        task("c.jpg", annotation("cat"), annotation("cat")),
    ]
    one = source(content, "a.jpg", "b.jpg", "c.jpg")
    table = one.read()
    assert table["labels"].tolist() == [[], [], ["cat"]]
    assert table["negative"].tolist() == [False, True, False]
    assert replace(one, empty="own_label").read()["labels"].tolist() == [[], ["nothing"], ["cat"]]
