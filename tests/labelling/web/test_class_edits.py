"""The list of classes as the page changes it, and what becomes of labels."""

import pytest
from pydantic import ValidationError

from pipeline.datasets.class_list import read_classes
from pipeline.labelling.web.bodies import ClassBody, DecisionBody
from pipeline.labelling.web.class_edits import list_version
from pipeline.serving.limits import Refusal


def change(labelling, edit, name, **values):
    version = list_version(labelling.session.classes_path)
    return labelling.change_classes(ClassBody(version=version, edit=edit, name=name, **values))


def names(found):
    return [one["name"] for one in found["classes"]]


def test_the_first_change_lists_the_classes_of_the_labels(begin, project):
    labelling = begin(classes="")
    assert [one.key for one in labelling.session.classes] == ["1", "2"]
    found = change(labelling, "add", "bird", key="b", colour="#00FF00", description="it flies", attributes="note:text")
    assert names(found) == ["cat", "dog", "bird"]
    written = read_classes(project / "data/classes/pets.csv")
    assert [one.key for one in written.classes] == ["1", "2", "b"]
    assert (written.classes[2].colour, str(written.classes[2].attributes[0])) == ("#00ff00", "note:text")


def test_labels_follow_a_rename_a_merge_a_split_and_a_retirement(begin):
    labelling = begin()
    see = labelling.session.describe
    labelling.session.decide(DecisionBody(who="Ada", rows=[6], labels=["cat"]))
    change(labelling, "change", "cat", to="kitten", key="k")
    assert (see(0, "Ada")["labels"], see(6, "Ada")["labels"]) == (["kitten"], ["kitten"])
    change(labelling, "merge", "dog", to="kitten")
    assert see(1, "Ada")["labels"] == ["kitten"]
    assert names(change(labelling, "split", "kitten", parts=["tame", "feral"])) == ["tame", "feral"]
    assert (see(0, "Ada")["status"], see(6, "Ada")["status"]) == ("waits", "waits")
    labelling.session.decide(DecisionBody(who="Ada", rows=[0, 6], labels=["tame"]))
    assert (see(0, "Ada")["labels"], see(6, "Ada")["status"]) == (["tame"], "labelled")
    assert names(change(labelling, "retire", "tame")) == ["feral"]
    assert see(0, "Ada")["labels"] == []
    assert names(change(labelling, "restore", "tame")) == ["tame", "feral"]
    assert see(0, "Ada")["labels"] == ["tame"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"edit": "add", "name": "=1+1"}, "begins like a formula"),
        ({"edit": "add", "name": "a\nb"}, "printable characters"),
        ({"edit": "add", "name": "cat"}, "names 'cat' again"),
        ({"edit": "add", "name": "cow", "key": "c"}, "has the key 'c' of line 2"),
        ({"edit": "add", "name": "cow", "colour": "red"}, "colour must be like #1f77b4"),
        ({"edit": "add", "name": "cow", "attributes": "<script>"}, "an attribute is written like"),
        ({"edit": "add", "name": "cow", "attributes": "size:text"}, "'size' is another one in an earlier line"),
        ({"edit": "add", "name": "cow", "description": "a\x07"}, "printable characters"),
        ({"edit": "change", "name": "cow"}, "there is no class 'cow'"),
        ({"edit": "change", "name": "cat", "to": "dog"}, "merge the two instead"),
        ({"edit": "merge", "name": "cat", "to": "cat"}, "cannot be merged into itself"),
        ({"edit": "split", "name": "cat", "parts": ["cat", "lion"]}, "have other names than it had"),
    ],
)
def test_what_is_no_class_changes_nothing(begin, values, message):
    labelling = begin()
    before = labelling.session.classes_path.read_bytes()
    with pytest.raises(Refusal, match=message) as refused:
        change(labelling, **values)
    assert refused.value.status == 422
    assert ".tmp" not in str(refused.value)
    assert labelling.session.classes_path.read_bytes() == before
    assert list(labelling.session.classes_path.parent.iterdir()) == [labelling.session.classes_path]


def test_two_people_do_not_overwrite_each_other(begin):
    labelling = begin()
    body = ClassBody(version=list_version(labelling.session.classes_path), edit="add", name="cow")
    labelling.change_classes(body)
    with pytest.raises(Refusal, match="was changed meanwhile"):
        labelling.change_classes(body.model_copy(update={"name": "bird"}))


def test_a_list_with_a_bad_line_is_a_banner_and_the_classes_stay(begin):
    labelling = begin()
    labelling.session.classes_path.write_text("name,key\ncat,cc\n")
    labelling.session.refresh()
    assert "line 2: key must be one digit or letter" in labelling.session.problems[0]
    assert [one.name for one in labelling.session.classes] == ["cat", "dog"]


def test_a_class_of_another_form_is_no_body():
    with pytest.raises(ValidationError, match="edit"):
        ClassBody(version="", edit="remove", name="cat")
