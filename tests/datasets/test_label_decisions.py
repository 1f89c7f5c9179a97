"""Decisions of people are followed to the letter, or refused with their line."""

import csv
import errno
import io
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.labels import labels_to_text
from pipeline.datasets.label_decisions import COLUMNS, LabelDecision, append_decisions, read_decisions
from pipeline.datasets.label_review import apply_decisions

HEADER = ",".join(COLUMNS)
KEEP = "a,keep,cat,,Ann,2026-11-24,whiskers"
RELABEL = "b,relabel,cat,dog,Ann,2026-11-24,barks"
DROP = 'c,drop,dog,,"Ann, Bob",2026-11-24 10:30,"two animals, one picture"'


@pytest.fixture
def read(tmp_path):
    """The decisions that these lines below the header make."""

    def build(*lines, header=HEADER, newline="\n", start=b""):
        path = tmp_path / "decisions.csv"
        path.write_bytes(start + newline.join([header, *lines, ""]).encode())
        return read_decisions(path)

    return build


@pytest.fixture
def items():
    return pd.DataFrame({"sample_id": list("abcd"), "labels": [["cat"], ["cat"], ["dog"], []], "attr_site": 1})


def test_each_action(read, items):
    found, refused = apply_decisions(
        items, [None] * 4, read(KEEP, RELABEL, DROP, "d,relabel,,dog|cat,Ann,2026-11-24,both")
    )
    assert found["labels"].tolist() == [["cat"], ["dog"], ["dog"], ["cat", "dog"]]
    assert found["decision"].tolist() == ["keep", "relabel", "drop", "relabel"]
    assert refused[:2] + refused[3:] == [None] * 3
    assert (refused[2].reason, refused[2].detail) == (
        "dropped",
        "by Ann, Bob, 2026-11-24 10:30: two animals, one picture",
    )
    assert items["labels"].tolist() == [["cat"], ["cat"], ["dog"], []]  # what was given is as it was


def test_without_a_decision_nothing_is_touched(read, items):
    found, refused = apply_decisions(items, [None, ItemRejected("missing", "gone"), None, None], read())
    assert found is items
    assert refused[1].reason == "missing"


def test_who_is_not_decided_on_has_no_decision(read, items):
    found, _ = apply_decisions(items, [None] * 4, read(KEEP))
    assert found["decision"].fillna("nobody").tolist() == ["keep", "nobody", "nobody", "nobody"]


def test_a_file_as_spreadsheets_write_it(read):
    plain = read(KEEP, RELABEL, DROP)
    assert read(KEEP, RELABEL, DROP, newline="\r\n", start=b"\xef\xbb\xbf") == plain
    assert read(KEEP, "", RELABEL, ",,,,,,", DROP)[2].where.endswith("line 6")
    turned = ",".join(reversed(COLUMNS)) + ",quality"
    assert read("whiskers,2026-11-24,Ann,,cat,keep,a,0.01", header=turned) == plain[:1]


def test_a_line_after_a_field_of_two_lines_is_counted_as_an_editor_does(read):
    text = 'a,keep,cat,,Ann,2026-11-24,"one\ntwo"'
    with pytest.raises(
        UserError,
        match=r"decisions\.csv: line 4: the action must be one of keep, relabel, drop, label, autolabel, undo, foun",
    ):
        read(text, "b,kep,cat,,Ann,2026-11-24,x")


def test_no_file_is_no_decision(tmp_path):
    assert read_decisions(tmp_path / "gone.csv") == []


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read: Is a directory"):
        read_decisions(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b,rename,cat,dog,Ann,2026-11-24,x", r"line 3: the action must be one of .*, found 'rename'$"),
        ("b,,cat,dog,Ann,2026-11-24,x", r"line 3: the action must be one of .*, found ''$"),
        ("b,keep,cat,,,2026-11-24,x", r"line 3 does not say who; a decision must say who made it, when and why"),
        ("b,keep,cat,,Ann,,x", r"line 3 does not say when; "),
        ("b,keep,cat,,Ann,2026-11-24,  ", r"line 3 does not say why; "),
        ("b,keep,cat,,Ann,yesterday,x", r"line 3: when must be a date like 2026-11-24, found 'yesterday'"),
        ("b,relabel,cat,,Ann,2026-11-24,x", r"line 3: relabel needs the new labels, found none; write them"),
        ("b,relabel,cat,cat,Ann,2026-11-24,x", r"line 3: relabel needs the new labels, found the labels it has, 'cat'"),
        (
            "b,relabel,cat|dog,dog|cat,Ann,2026-11-24,x",
            r"line 3: relabel needs the new labels, found the labels it has",
        ),
        (
            "b,relabel,cat,[dog,Ann,2026-11-24,x",
            r"line 3, labels: '\[dog' begins like a JSON list, but is not valid JSON",
        ),
        ("b,keep,[cat,,Ann,2026-11-24,x", r"line 3, previous: '\[cat' begins like a JSON list"),
        (
            "b,label,cat,dog,Ann,2026-11-24,x",
            r"line 3: label is of a sample without a label, and it had 'cat'; write rel",
        ),
        ("b,autolabel,,,m@1,2026-11-24,x", r"line 3: autolabel needs the labels that the model gives, found none"),
        ("b,keep,cat,Ann,2026-11-24,x", r"line 3 has 6 fields, expected 7"),
        ('b,keep,cat,,Ann,2026-11-24,"x', r"line 3 is damaged \(.*\); look for a quote that is not closed"),
    ],
)
def test_a_line_that_cannot_be_followed_is_named(read, line, message):
    with pytest.raises(UserError, match=rf"decisions\.csv: {message}"):
        read(KEEP, line)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace(",", ";"), r"line 1 names no column 'sample_id'; it must name sample_id,.*, with commas"),
        (HEADER.removesuffix(",why"), r"line 1 names no column 'why'"),
        (f"{HEADER},who", r"line 1 names the column 'who' twice"),
        ("", r"line 1 names no column 'sample_id'"),
    ],
)
def test_a_header_that_lacks_something(read, header, message):
    with pytest.raises(UserError, match=message):
        read(header=header)


def test_another_encoding(tmp_path):
    path = tmp_path / "decisions.csv"
    path.write_bytes(f"{HEADER}\na,keep,caf\xe9,,Ann,2026-11-24,x\n".encode("latin1"))
    with pytest.raises(UserError, match=r"decisions\.csv: line 2 is not UTF-8 \(byte 0xe9\); save the file as UTF-8"):
        read_decisions(path)


def test_a_sample_that_is_not_there(read, items):
    message = (
        r"decisions\.csv: line 2: the source names no usable sample 'e'; correct or remove the line, or set "
        r"ingest\.decisions=false to leave all decisions out"
    )
    with pytest.raises(UserError, match=message):
        apply_decisions(items, [None] * 4, read(KEEP.replace("a,", "e,", 1)))


def test_a_sample_that_the_source_refuses(read, items):
    with pytest.raises(UserError, match=r"line 2: the source names no usable sample 'a'"):
        apply_decisions(items, [ItemRejected("outside", "climbs"), None, None, None], read(KEEP))


def test_of_an_item_named_twice_the_usable_one_is_meant(read):
    twice = pd.DataFrame({"sample_id": ["a", "a"], "labels": [["cat"], ["dog"]]})
    found, _ = apply_decisions(twice, [None, ItemRejected("duplicate_name", "named before")], read(KEEP))
    assert found["decision"].fillna("nobody").tolist() == ["keep", "nobody"]


def test_labels_that_changed_since(read, items):
    message = r"line 2: 'c' is labelled 'dog' now, the decision was made on 'cat'; check the picture again, "
    with pytest.raises(UserError, match=message):
        apply_decisions(items, [None] * 4, read(KEEP.replace("a,", "c,", 1)))
    with pytest.raises(UserError, match=r"line 2: 'd' is labelled '' now, the decision was made on 'cat'"):
        apply_decisions(items, [None] * 4, read(KEEP.replace("a,", "d,", 1)))


def test_a_class_that_nothing_has(read, items):
    with pytest.raises(
        UserError, match=r"line 2: no sample of the source is labelled 'dgo'; correct the name, list it in"
    ):
        apply_decisions(items, [None] * 4, read(RELABEL.replace("dog", "dgo")))


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).map(str.strip)
labels = st.lists(names.filter(bool), unique=True, max_size=3).map(sorted)


@given(st.lists(st.tuples(names, labels, labels), min_size=1, unique_by=lambda one: one[0]))
def test_whatever_samples_and_labels_are_called(tmp_path_factory, told):
    told = [one for one in told if one[2] and one[1] != one[2]]
    path = tmp_path_factory.mktemp("any") / "decisions.csv"
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(
        [name, "relabel", labels_to_text(before), labels_to_text(after), "Ann", "2026-11-24", "x"]
        for name, before, after in told
    )
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    items = pd.DataFrame({"sample_id": [one[0] for one in told], "labels": [one[1] for one in told]})
    every = pd.DataFrame({"sample_id": ["\0all"], "labels": [[name for one in told for name in one[2]]]})
    items = pd.concat([items, every], ignore_index=True)
    found, _ = apply_decisions(items, [None] * len(items), read_decisions(path))
    assert found["labels"].tolist()[:-1] == [one[2] for one in told]


def labelled(name: str, **more: object) -> LabelDecision:
    cells = {"action": "label", "previous": [], "labels": ["flat"], "who": "Ada", "when": "2026-11-29", "why": "looked"}
    return LabelDecision(sample_id=name, **{**cells, **more})


@pytest.mark.parametrize("start", ["", "\n", ",,\n\n"])
def test_new_lines_follow_the_columns_of_the_file(start, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(f"{start}who,when,why,action,sample_id,previous,labels\nBo,2026-01-01,looked,keep,p0,flat,")
    append_decisions(file, [labelled("p1", seconds=1.5, seen_prediction=False, attributes={"size": 2.0})])
    append_decisions(file, [labelled("p2", batch="q1")])
    found = read_decisions(file)
    assert [(one.sample_id, one.who, one.seconds, one.seen_prediction, one.batch) for one in found] == [
        ("p0", "Bo", None, None, ""),
        ("p1", "Ada", 1.5, False, ""),
        ("p2", "Ada", None, None, "q1"),
    ]
    assert found[1].attributes == {"size": 2.0}
    assert file.read_text().strip("\n,").startswith("who,when,why,action,sample_id,previous,labels,attributes,seconds")


def test_a_file_that_an_editor_left_without_a_last_line_break(tmp_path):
    file = tmp_path / "x.csv"
    append_decisions(file, [labelled("p1")])
    file.write_text(file.read_text().rstrip("\n"))
    append_decisions(file, [labelled("p2")])
    assert [one.sample_id for one in read_decisions(file)] == ["p1", "p2"]


def test_processes_that_append_at_once_lose_no_line(tmp_path):
    """Threads of one process and, by the lock, processes: each holds the file alone."""
    file = tmp_path / "x.csv"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: append_decisions(file, [labelled(f"p{number}")]), range(40)))
    assert sorted(one.sample_id for one in read_decisions(file)) == sorted(f"p{number}" for number in range(40))


def test_what_would_not_be_readable_is_not_written(tmp_path):
    file = tmp_path / "x.csv"
    with pytest.raises(UserError, match="the new line about 'p1': when must be a date like"):
        append_decisions(file, [labelled("p1", when="yesterday")])
    with pytest.raises(UserError, match="the new line about 'p1' would not be read again as it is"):
        append_decisions(file, [labelled("p1", who=" Ada ")])
    assert not file.exists()
    append_decisions(file, [labelled("p1")])
    before = file.read_bytes()
    with pytest.raises(UserError, match="the new line about 'p3' does not say why"):
        append_decisions(file, [labelled("p2"), labelled("p3", why=" ")])
    assert file.read_bytes() == before


def test_a_full_disk_leaves_the_lines_that_were_there(tmp_path, monkeypatch):
    file = tmp_path / "x.csv"
    append_decisions(file, [labelled("p1")])
    before = file.read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"x\.csv cannot be written, and no line was added: No space left on device"):
        append_decisions(file, [labelled("p2")])
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("seconds", "-1", "seconds must be a number of at least 0, found '-1'"),
        ("seconds", "nan", "seconds must be a number"),
        ("seen_prediction", "maybe", "seen_prediction must be true, false or empty, found 'maybe'"),
        ("attributes", "[1]", "attributes must be like"),
        ("attributes", '{"a": [1]}', "attributes must be like"),
        ("attributes", '{"a": NaN}', "attributes must be like"),
    ],
)
def test_further_columns_that_cannot_be_understood(tmp_path, column, text, message):
    path = tmp_path / "x.csv"
    quoted = '"' + text.replace('"', '""') + '"'
    path.write_text(f"{HEADER},{column}\n{KEEP},{quoted}\n")
    with pytest.raises(UserError, match=f"line 2: {message}"):
        read_decisions(path)


answers = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=5), st.text(st.characters(codec="utf-8")) | st.integers(-9, 9)
)


@settings(max_examples=20)  # each waits for the disk
@given(st.lists(st.tuples(names, labels, answers), min_size=1, max_size=5))
def test_whatever_is_appended_is_read_again(tmp_path_factory, given):
    path = tmp_path_factory.mktemp("any") / "decisions.csv"
    lines = [labelled(name, labels=after, attributes=asked) for name, after, asked in given]
    append_decisions(path, lines)
    assert read_decisions(path) == lines
