"""Whose word counts, what is left out, and an export that is repeated, killed, or has lost its database."""

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from feedback_examples import answer, digest_of, feedback, store_pictures, store_rows

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.images.feedback_pictures import FeedbackPictures
from pipeline.serving import feedback_export
from pipeline.serving.answer_store import ANSWERS, FEEDBACK, PICTURES
from pipeline.serving.feedback_export import export_feedback

PNG, JPEG = b"\x89PNG one", b"\xff\xd8\xff two"
P, Q, R, S = digest_of(PNG), digest_of(JPEG), digest_of(b"r"), digest_of(b"s")
THREE = [b"\x89PNG 0", b"\x89PNG 1", b"\x89PNG 2"]


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'new' / 'answers.db'}"


@pytest.fixture
def filled(address):
    """Four pictures: p corrected twice, q confirmed, r without bytes, s discarded."""
    rows = [(ANSWERS, answer(number, digest)) for number, digest in enumerate([P, P, Q, R, S])]
    rows += [(PICTURES, {"answer_id": f"a{number}", "data": data}) for number, data in [(0, PNG), (2, JPEG), (4, PNG)]]
    said = [("a0", "correct", ["dog"]), ("a1", "correct", ["cat"]), ("a2", "confirm", ["cat"])]
    said += [("a3", "correct", ["dog"]), ("a4", "correct", ["dog"]), ("a4", "discard", None)]
    rows += [(FEEDBACK, feedback(number, *one)) for number, one in enumerate(said)]
    return store_rows(address, rows)


def tables(folder: Path) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Digest to label, and of what was left out to reason and detail; also that each picture has its file."""
    labels = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    left_out = pd.read_csv(folder / "left_out.csv", dtype=str, keep_default_na=False)
    assert sorted(labels["image"]) == sorted(f"pictures/{one.name}" for one in folder.glob("pictures/*"))
    found = {Path(image).stem: label for image, label in zip(labels["image"], labels["label"], strict=True)}
    return found, {row.digest: (row.reason, row.detail) for row in left_out.itertuples()}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_last_word_about_a_picture_is_exported_with_its_origin(filled, tmp_path):
    """p: dog, then cat, by another answer to the same bytes; s is left out; r has no bytes."""
    found = export_feedback(tmp_path / "out", filled)
    assert (found.pictures, found.new, found.not_stored, found.discarded, found.contradicted) == (2, 2, 1, 1, 0)
    assert (found.answers, found.right) == (4, 2)  # a0 wrong, a1 and a2 right, a3 wrong; a4 is discarded
    table = pd.read_csv(tmp_path / "out/labels.csv")
    assert table[["image", "label", "origin", "version", "who"]].to_dict("records") == [
        {"image": f"pictures/{P}.png", "label": "cat", "origin": "feedback", "version": 1, "who": "Ada"},
        {"image": f"pictures/{Q}.jpg", "label": "cat", "origin": "feedback", "version": 1, "who": "Ada"},
    ]
    assert (tmp_path / f"out/pictures/{P}.png").read_bytes() == PNG
    _, left_out = tables(tmp_path / "out")
    assert left_out == {
        R: ("not_stored", "Ada on 2026-11-02: dog"),
        S: ("discarded", "Ada on 2026-11-02: leave it out"),
    }


def test_the_source_table_reads_the_export(filled, tmp_path):
    from pipeline.datasets.sources.table import Table

    export_feedback(tmp_path / "out", filled)
    source = Table(
        name="feedback",
        path=str(tmp_path / "out/labels.csv"),
        pictures=str(tmp_path / "out"),
        watch=str(tmp_path / "out"),
        image_column="image",
        label_column="label",
        label_separator=None,
        label_columns=None,
        group_column=None,
        split_column=None,
        attribute_columns=["origin"],
        empty="negative",
    )
    items = source.read()
    assert items["labels"].tolist() == [["cat"], ["cat"]]
    assert items["attr_origin"].tolist() == ["feedback", "feedback"]


def test_line_ends_in_names_and_labels_come_back(address, tmp_path):
    """A carriage return alone ends a row where it is not quoted."""
    said = [(0, "correct", ["do\rg"], "Ada\rL"), (1, "correct", ["do\ng"], "B\r\n"), (2, "discard", None, "C\rD")]
    store_pictures(address, THREE, said)
    folder = tmp_path / "out"
    assert export_feedback(folder, address).pictures == 2
    before = content(folder)
    assert export_feedback(folder, address).new == 0
    assert content(folder) == before
    rows = FeedbackPictures(name="pets", watch=str(folder)).read().set_index("path")
    names = [f"feedback:{digest_of(one)}.png" for one in THREE[:2]]
    assert rows.loc[names, "labels"].tolist() == [["do\rg"], ["do\ng"]]
    assert rows.loc[names, "attr_of_label_who"].tolist() == ["Ada\rL", "B\r\n"]
    assert rows.loc[f"feedback:{digest_of(THREE[2])}", "detail"] == "C\rD on 2026-11-02: leave it out"


def test_two_persons_who_disagree_leave_a_picture_out_until_they_agree(address, tmp_path):
    """0: Ada corrects herself. 1: Ada and Bob differ. 2: Ada labels it, Bob discards it."""
    said = [(0, "correct", ["cat"], "Ada"), (0, "correct", ["dog"], "Ada"), (1, "correct", ["dog"], "Ada")]
    said += [(1, "confirm", ["cat"], "Bob"), (2, "correct", ["dog"], "Ada"), (2, "discard", None, "Bob")]
    store_pictures(address, THREE, said)
    folder = tmp_path / "out"
    found = export_feedback(folder, address)
    assert (found.pictures, found.contradicted, found.discarded) == (1, 1, 1)
    names = [digest_of(one) for one in THREE]
    assert tables(folder) == (
        {names[0]: "dog"},
        {
            names[1]: ("contradicted", "Ada on 2026-11-02: dog; Bob on 2026-11-02: cat"),
            names[2]: ("discarded", "Bob on 2026-11-02: leave it out"),
        },
    )
    store_rows(address, [(FEEDBACK, feedback(9, "a1", "correct", ["dog"], "Bob"))])
    found = export_feedback(folder, address)
    assert (found.pictures, found.new, found.contradicted) == (2, 1, 0)
    assert tables(folder)[0] == {names[0]: "dog", names[1]: "dog"}


@pytest.mark.parametrize(("second", "is_taken"), [("a0", True), ("a1", False)], ids=["same answer", "another answer"])
def test_of_words_without_a_name_only_those_on_one_answer_are_of_one_person(address, tmp_path, second, is_taken):
    rows = [(ANSWERS, answer(number, P)) for number in range(2)]
    rows += [(PICTURES, {"answer_id": "a0", "data": PNG}), (FEEDBACK, feedback(0, "a0", "correct", ["cat"], ""))]
    store_rows(address, [*rows, (FEEDBACK, feedback(1, second, "correct", ["dog"], ""))])
    found = export_feedback(tmp_path / "out", address)
    assert (found.pictures, found.contradicted) == ((1, 0) if is_taken else (0, 1))


def test_a_picture_that_is_discarded_later_leaves_the_folder(address, tmp_path):
    store_pictures(address, THREE, [(one, "correct", ["dog"], "Ada") for one in range(3)])
    assert export_feedback(tmp_path / "out", address).new == 3
    before = content(tmp_path / "out")
    assert export_feedback(tmp_path / "out", address).new == 0
    assert content(tmp_path / "out") == before
    store_rows(address, [(FEEDBACK, feedback(9, "a1", "discard", None))])
    export_feedback(tmp_path / "out", address)
    labels, left_out = tables(tmp_path / "out")
    assert digest_of(THREE[1]) not in labels
    assert left_out[digest_of(THREE[1])][0] == "discarded"


def test_a_database_that_was_lost_loses_no_picture(address, tmp_path):
    store_pictures(address, THREE[:2], [(0, "correct", ["dog"], "Ada"), (1, "discard", None, "Ada")])
    export_feedback(tmp_path / "out", address)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    store_pictures(other, THREE[2:], [(0, "correct", ["dog"], "Ada")])
    found = export_feedback(tmp_path / "out", other)
    assert (found.pictures, found.new, found.discarded, found.no_longer_stored) == (2, 1, 1, 2)
    labels, left_out = tables(tmp_path / "out")
    assert labels == {digest_of(THREE[0]): "dog", digest_of(THREE[2]): "dog"}
    assert left_out[digest_of(THREE[1])][0] == "discarded"


def test_answers_of_another_model_are_counted_and_not_exported(address, tmp_path):
    store_pictures(address, THREE[:1], [(0, "correct", ["dog"], "Ada")], model="other")
    store_rows(address, [(ANSWERS, answer(5, Q)), (PICTURES, {"answer_id": "a5", "data": JPEG})])
    store_rows(address, [(FEEDBACK, feedback(5, "a5", "confirm", ["cat"]))])
    found = export_feedback(tmp_path / "out", address, "m")
    assert (found.pictures, found.other_models, found.answers, found.right) == (1, 1, 1, 1)


class Killed(BaseException):
    """As kill -9 at this place."""


@pytest.mark.parametrize("writes", range(5))
def test_an_export_that_was_killed_is_completed_by_the_next(address, tmp_path, monkeypatch, writes):
    """Killed before each of its five files: three pictures, two tables."""
    store_pictures(address, THREE, [(one, "correct", ["dog"], "Ada") for one in range(3)])
    export_feedback(tmp_path / "whole", address)
    write, done = artifacts.atomic_write, []

    def die(path):
        if len(done) == writes:
            (path.parent / f".{path.name}.77.tmp").write_text("torn")
            raise Killed
        done.append(path)
        return write(path)

    folder = tmp_path / "out"
    (folder / "pictures").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(feedback_export.artifacts, "atomic_write", die)
        with pytest.raises(Killed):
            export_feedback(folder, address)
    assert export_feedback(folder, address).pictures == 3
    assert content(folder) == content(tmp_path / "whole")


def test_a_picture_that_is_gone_or_is_another_counts_as_not_stored(address, tmp_path, monkeypatch):
    """0 has the bytes of another picture, 1 is deleted between two readings, 2 is stored rightly by a second answer."""
    rows = [(ANSWERS, answer(number, digest_of(THREE[of]))) for number, of in enumerate([0, 1, 2, 2])]
    bytes_of = [(0, THREE[1]), (1, THREE[1]), (2, b"damaged"), (3, THREE[2])]
    rows += [(PICTURES, {"answer_id": f"a{number}", "data": data}) for number, data in bytes_of]
    rows += [(FEEDBACK, feedback(number, f"a{number}", "correct", ["dog"])) for number in range(4)]
    store_rows(address, rows)
    read, opened = feedback_export.feedback_table, []

    def read_then_delete(engine):
        opened.append(engine)
        table = read(engine)
        with engine.begin() as connection:
            connection.execute(PICTURES.delete().where(PICTURES.c.answer_id == "a1"))
        return table

    monkeypatch.setattr(feedback_export, "feedback_table", read_then_delete)
    found = export_feedback(tmp_path / "out", address)
    assert (found.pictures, found.not_stored) == (1, 2)
    labels, left_out = tables(tmp_path / "out")
    assert labels == {digest_of(THREE[2]): "dog"}
    reason = ("not_stored", "Ada on 2026-11-02: dog")
    assert left_out == {digest_of(one): reason for one in THREE[:2]}
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE answers SET labels = '{'", r"Expecting property name"),
        ("UPDATE answers SET labels = '[1]'", r"feedback f0 holds labels that are no list of texts"),
        ("UPDATE answers SET labels = 7", r"feedback f0 holds labels that are no list of texts|must be str"),
        ("UPDATE feedback SET labels = 'null'", r"feedback f0 is 'correct' with the labels None"),
        ("UPDATE feedback SET time = 'noon'", r"noon"),
        ("UPDATE feedback SET time = ''", r"'' is no time"),
        ("DROP TABLE feedback", r"no such table: feedback"),
    ],
)
def test_a_damaged_database_is_one_line(address, tmp_path, change, message):
    store_pictures(address, THREE[:1], [(0, "correct", ["dog"], "Ada")])
    with sqlite3.connect(address.removeprefix("sqlite:///")) as connection:
        for name in ("answers_UPDATE", "feedback_UPDATE"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(change)
    connection.close()
    with pytest.raises(
        UserError, match=rf"^the answers cannot be read from sqlite:.*\(.*({message}).*\); try again"
    ) as raised:
        export_feedback(tmp_path / "out", address)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("digest", ["p", "A" * 64, "g" * 64, "0" * 65])
def test_only_a_sha_256_names_a_file(address, tmp_path, digest):
    store_rows(address, [(ANSWERS, answer(0, digest)), (FEEDBACK, feedback(0, "a0", "correct", ["dog"]))])
    with pytest.raises(UserError, match=r"^the database holds a digest that is none"):
        export_feedback(tmp_path / "out", address)


def test_a_digest_never_names_a_file_elsewhere(address, tmp_path):
    rows = [(ANSWERS, answer(0, "../../p")), (PICTURES, {"answer_id": "a0", "data": PNG})]
    store_rows(address, [*rows, (FEEDBACK, feedback(0, "a0", "correct", ["dog"]))])
    with pytest.raises(UserError, match=r"^the database holds a digest that is none; it is not one of colibri serve"):
        export_feedback(tmp_path / "a/b/out", address)
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_is_named(filled, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"out cannot be written \(.*\); choose another folder"):
        export_feedback(tmp_path / "out", filled)
