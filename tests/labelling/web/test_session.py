"""What clicks become in the file, how they are taken back, and what happens when others write there."""

import errno
import os

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import read_decisions
from pipeline.labelling.web import session as session_module
from pipeline.labelling.web.bodies import DecisionBody
from pipeline.labelling.web.suggestions import Suggestion
from pipeline.serving.limits import Refusal


def decide(labelling, rows, who="Ada", **values):
    return labelling.session.decide(DecisionBody(who=who, rows=rows, **values))


def test_each_decision_is_a_line_with_its_action(begin, lines):
    labelling = begin(batches={"cat/6.png": "margin/2026-11-30"})
    assert decide(labelling, [0, 1], labels=["cat"], seconds=2.04, seen_prediction=True) == [0, 1]
    decide(labelling, [6], labels=["dog"])
    decide(labelling, [2], action="drop")
    decide(labelling, [3], action="accept")
    found = [(one["sample_id"], one["action"], one["previous"], one["labels"], one["batch"]) for one in lines()]
    assert found == [
        ("cat/0.png", "keep", "cat", "", ""),
        ("dog/1.png", "relabel", "dog", "cat", ""),
        ("cat/6.png", "label", "", "dog", "margin/2026-11-30"),
        ("cat/2.png", "drop", "cat", "", ""),
        ("dog/3.png", "keep", "dog", "", ""),
    ]
    assert [(one["seconds"], one["seen_prediction"]) for one in lines()[:2]] == [("2.0", "false")] * 2  # there was none
    assert labelling.session.describe(1, "Ada")["labels"] == ["cat"]
    assert labelling.session.describe(2, "Ada")["status"] == "dropped"


def test_undo_and_redo_go_through_the_acts_of_one_person(begin, lines):
    labelling = begin()
    session = labelling.session
    decide(labelling, [6, 7], labels=["cat"])
    decide(labelling, [6], labels=["dog"])
    decide(labelling, [6], who="Ben", labels=["dog"])
    assert session.undo("Ada") == [6]  # back to cat, not to nothing
    assert session.describe(6, "Ada")["labels"] == ["cat"]
    assert session.undo("Ada") == [6, 7]
    assert session.describe(7, "Ada")["status"] == "open"
    with pytest.raises(Refusal, match="there is nothing to undo"):
        session.undo("Ada")
    again = begin()  # a server that was killed knows the same from the file
    assert again.session.state.history.count("Ada") == (0, 2)
    assert again.session.redo("Ada") == [6, 7]
    assert again.session.redo("Ada") == [6]
    assert again.session.describe(6, "Ada")["labels"] == ["dog"]
    with pytest.raises(Refusal, match="there is nothing to do again"):
        again.session.redo("Ada")
    assert [one["action"] for one in lines()][-5:] == ["undo", "undo", "label", "label", "label"]
    assert session.state.history.count("Ben") == (1, 0)


def test_a_new_act_ends_what_can_be_done_again(begin):
    labelling = begin()
    decide(labelling, [6], labels=["cat"])
    labelling.session.undo("Ada")
    decide(labelling, [7], labels=["cat"])
    assert labelling.session.state.history.count("Ada") == (1, 0)


def test_nobody_sees_what_others_decided_before_their_own_decision(begin):
    labelling = begin()
    decide(labelling, [6], labels=["cat"])
    decide(labelling, [7], labels=["cat"])
    seen = labelling.session.describe(6, "Ben")
    assert (seen["labels"], seen["people"], seen["status"]) == ([], 1, "open")
    decide(labelling, [6], who="Ben", labels=["dog"])
    assert labelling.session.describe(6, "Ben")["status"] == "conflict"
    decide(labelling, [6], who="Cleo", labels=["dog"])
    assert labelling.session.describe(6, "Ada")["status"] == "labelled"
    assert labelling.session.state.labels_now()[6] == ["dog"]


def test_several_labels_are_added_and_removed(begin, lines):
    labelling = begin(exclusive=False)
    decide(labelling, [6], add=["dog"])
    decide(labelling, [6], add=["cat"], attributes={"size": 3})
    decide(labelling, [6], remove=["cat"])
    assert [(one["labels"], one["attributes"]) for one in lines()] == [
        ("dog", ""),
        ("cat|dog", '{"size": 3.0}'),
        ("dog", ""),  # the question was of the class that is gone
    ]


@pytest.mark.parametrize(
    ("values", "status", "message"),
    [
        ({"rows": [99], "labels": ["cat"]}, 404, "there are samples 0 to 11, none has 99"),
        ({"rows": [6], "labels": ["=cat"]}, 422, "there is no class '=cat'"),
        ({"rows": [6], "labels": ["cat", "dog"]}, 422, "exactly one label"),
        ({"rows": [6], "labels": ["cat"], "attributes": {"mood": "<b>"}}, 422, "mood must be one of calm, wild"),
        ({"rows": [6], "labels": ["dog"], "attributes": {"mood": "calm"}}, 422, "no class of .* has an attribute"),
        ({"rows": [6], "attributes": {"mood": "calm"}}, 422, "choose a class first"),
        ({"rows": [0], "labels": []}, 422, "say which one is right"),
        ({"rows": [6], "action": "accept"}, 422, "no label and no prediction"),
    ],
)
def test_what_is_refused_writes_nothing(begin, project, values, status, message):
    labelling = begin()
    with pytest.raises(Refusal, match=message) as refused:
        decide(labelling, **values)
    assert refused.value.status == status
    assert not (project / "data/label_decisions/pets.csv").exists()


def test_lines_of_others_and_a_bad_one_are_noticed(begin, project, lines):
    labelling, other = begin(), begin()
    decide(labelling, [6], labels=["cat"])
    decide(other, [6], who="Ben", labels=["dog"])
    labelling.session.refresh()
    assert labelling.session.describe(6, "Ada")["people"] == 2
    path = project / "data/label_decisions/pets.csv"
    before = path.read_text()
    path.write_text(before + "cat/8.png,relabell,,cat,Ada,2026-11-30,by hand,,,,\n")
    assert decide(labelling, [7], labels=["cat"]) == [7]  # the click is not lost
    assert "line 4: the action must be one of" in labelling.session.problems[0]
    assert labelling.session.describe(7, "Ada")["labels"] == ["cat"]
    path.write_text(path.read_text().replace("relabell", "label"))
    labelling.session.refresh()
    assert labelling.session.problems == []
    assert [labelling.session.describe(row, "Ada")["labels"] for row in (6, 7, 8)] == [["cat"]] * 3
    path.write_text(before)  # as git checkout does
    labelling.session.refresh()
    assert labelling.session.describe(7, "Ada")["labels"] == []
    path.write_text("nonsense\n")
    with pytest.raises(UserError, match="line 1 names no column 'sample_id'"):
        begin()


def test_a_full_disk_loses_no_line_and_writes_no_half(begin, project, monkeypatch):
    labelling = begin()
    decide(labelling, [6], labels=["cat"])
    path = project / "data/label_decisions/pets.csv"
    before = path.read_bytes()

    def fill(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(Refusal, match="no line was added: No space left") as refused:
        decide(labelling, [7], labels=["cat"])
    assert (refused.value.status, path.read_bytes()) == (507, before)
    assert labelling.session.describe(7, "Ada")["labels"] == []
    monkeypatch.undo()


def test_what_was_sent_again_is_written_once(begin, lines):
    labelling = begin()
    decide(labelling, [6], labels=["cat"])
    assert decide(labelling, [6], labels=["cat"], again=True) == []
    assert decide(labelling, [6], labels=["dog"], again=True) == [6]
    assert len(lines()) == 2


def test_a_prediction_is_accepted_and_noted_but_for_the_blind_share(begin, lines, monkeypatch):
    labelling = begin()
    monkeypatch.setattr(session_module, "is_blind", lambda name, batch, seed: name == "dog/7.png")
    guess = Suggestion(labels=("dog",), scores=(("dog", 0.8), ("cat", 0.2)), by="probe")
    labelling.session.suggest({6: guess, 7: guess})
    decide(labelling, [6], action="accept", seen_prediction=True)
    assert (lines()[0]["labels"], lines()[0]["seen_prediction"]) == ("dog", "true")
    assert labelling.session.describe(7, "Ada")["predicted"] is None
    assert labelling.session.describe(7, "Ada")["blind"]
    with pytest.raises(Refusal, match="no prediction to accept"):
        decide(labelling, [7], action="accept", seen_prediction=True)
    decide(labelling, [7], labels=["cat"], seen_prediction=True)
    assert lines()[1]["seen_prediction"] == "false"


def test_a_decision_that_only_the_manifest_knows_stops_another(begin):
    labelling = begin(decision=["relabel"] + [None] * 11)
    with pytest.raises(Refusal, match="is gone; run colibri run"):
        decide(labelling, [0], labels=["cat"])


def test_decisions_of_other_samples_stay(begin, project):
    labelling = begin()
    decide(labelling, [6], labels=["cat"])
    path = project / "data/label_decisions/pets.csv"
    path.write_text(path.read_text() + "gone.png,label,,cat,Ben,2026-11-30,by hand,,,,\n")
    labelling.session.refresh()
    assert decide(labelling, [7], labels=["cat"]) == [7]
    assert [one.sample_id for one in read_decisions(path)] == ["cat/6.png", "gone.png", "dog/7.png"]


def test_rows_of_other_samples_are_refused(begin, lines):
    labelling = begin()
    decide(labelling, [6], labels=["cat"], manifest=labelling.session.digest)
    with pytest.raises(Refusal, match="the samples are others since this page was opened; reload the page"):
        decide(labelling, [7], labels=["cat"], manifest="0" * 32)
    assert [one["sample_id"] for one in lines()] == ["cat/6.png"]


def test_after_a_bad_line_is_mended_each_line_counts_once(begin, project):
    labelling = begin()
    path = project / "data/label_decisions/pets.csv"
    decide(labelling, [6], labels=["cat"])
    good = path.read_text()
    path.write_text(good + "bad line\n")
    decide(labelling, [7], labels=["dog"])
    assert labelling.session.problems
    path.write_text(path.read_text().replace("bad line\n", ""))
    labelling.session.refresh()
    assert [one.sample_id for one in labelling.session.file.lines] == ["cat/6.png", "dog/7.png"]
    assert not labelling.session.problems
    assert labelling.session.state.history.count("Ada") == (2, 0)
