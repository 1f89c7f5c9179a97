"""A corrected data set is another manifest: decisions are applied, dropped samples are accounted for."""

import pandas as pd
import pytest
from ingest_examples import ingest, source, write_params

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.expectations import refuse_few_classes
from pipeline.datasets.ingestion import Limits, check_quarantine, unlabelled_note
from pipeline.datasets.label_decisions import COLUMNS, FORMER, read_decisions
from pipeline.stages import ingest as stage

LINES = (
    "cat/1.png,keep,cat,,Ann,2026-11-24,whiskers",
    "cat/2.png,relabel,cat,dog,Ann,2026-11-24,barks",
    "dog/0.png,drop,dog,,Ann,2026-11-24,a wolf",
)


@pytest.fixture
def decide(project):
    """Writes these lines of the file of decisions; returns what they say."""

    def write(*lines):
        artifacts.write_text(artifacts.decisions_file("x"), "\n".join([",".join(COLUMNS), *lines, ""]))
        return read_decisions(artifacts.decisions_file("x"))

    return write


def test_keep_relabel_and_drop(decide, picture_folder):
    before, _ = ingest(source(picture_folder), 9_999)
    manifest, quarantine = ingest(source(picture_folder), 9_999, decisions=decide(*LINES))
    named = source(picture_folder).read()["path"]
    assert sorted([*manifest["path"], *quarantine["path"]]) == sorted(named)
    assert quarantine[["path", "reason", "detail"]].to_numpy().tolist() == [
        ["dog/0.png", "dropped", "by Ann, 2026-11-24: a wolf"]
    ]
    assert quarantine["labels"].tolist() == [["dog"]]
    rows = manifest.set_index("sample_id")
    assert rows.loc["cat/2.png", "labels"] == ["dog"]
    assert rows["decision"].dropna().to_dict() == {"cat/1.png": "keep", "cat/2.png": "relabel"}
    kept = before[before["path"] != "dog/0.png"].reset_index(drop=True)
    untouched = [name for name in before if name not in ("labels", "source_order")]
    assert manifest[untouched].equals(kept[untouched])  # neither pixels nor groups know of a decision


def test_a_file_without_decisions_changes_nothing(decide, picture_folder):
    plain, _ = ingest(source(picture_folder), 9_999)
    manifest, _ = ingest(source(picture_folder), 9_999, decisions=decide())
    assert manifest.equals(plain)
    assert "decision" not in manifest


def test_what_people_dropped_is_not_held_against_the_source(decide, picture_folder):
    decide(*(f"cat/{number}.png,drop,cat,,Ann,2026-11-24,dark" for number in range(3)))
    write_params(picture_folder, max_quarantine_fraction=0.0)
    stage.main()
    assert len(artifacts.read_table(artifacts.QUARANTINE)) == 3
    (picture_folder / "cat/3.png").write_text("text")
    with pytest.raises(UserError, match=r"1 of 8 items were refused, .*; the first is 'cat/3\.png', not_a_picture"):
        stage.main()


def test_a_class_that_people_dropped_whole(decide, picture_folder):
    decide(*(f"cat/{number}.png,drop,cat,,Ann,2026-11-24,dark" for number in range(4)))
    write_params(picture_folder)
    stage.main()
    with pytest.raises(UserError, match=r"at least two classes with readable pictures; .* only \['dog'\]"):
        refuse_few_classes(artifacts.read_table(artifacts.MANIFEST))


def test_a_decision_that_does_not_fit_stops_the_run_with_its_line(decide, picture_folder):
    decide(*LINES, "gone.png,keep,cat,,Ann,2026-11-24,x")
    write_params(picture_folder)
    with pytest.raises(
        UserError, match=r"^data/label_decisions/x\.csv: line 5: the source names no usable sample 'gon"
    ):
        stage.main()
    assert not artifacts.MANIFEST.exists()


def test_another_source_is_read_without_the_decisions(decide, picture_folder):
    decide("gone.png,keep,cat,,Ann,2026-11-24,x")
    write_params(picture_folder)
    text = config.PARAMS.read_text()
    config.PARAMS.write_text(text.replace("ingest:\n", "ingest:\n  decisions: false\n"))
    stage.main()
    assert len(artifacts.read_table(artifacts.MANIFEST)) == 8


def test_each_data_set_has_a_file_of_its_own(decide, picture_folder):
    artifacts.write_text(
        artifacts.decisions_file("y"), "\n".join([",".join(COLUMNS), "gone.png,keep,cat,,A,2026-11-24,x"])
    )
    decide(*LINES)
    write_params(picture_folder)  # of the data set x
    stage.main()
    assert artifacts.read_table(artifacts.MANIFEST)["decision"].notna().sum() == 2


def test_what_people_decided_is_counted_for_the_report(decide, picture_folder):
    decide(*LINES, "cat/2.png,keep,cat,,Bo,2026-11-24,purrs")
    write_params(picture_folder)
    stage.main()
    found = artifacts.read_json(artifacts.LABELLING)
    assert [(one["who"], one["num_lines"]) for one in found["annotators"]] == [("Ann", 3), ("Bo", 1)]
    assert (found["num_conflicts"], found["conflicts"]) == (1, ["cat/2.png"])
    assert found["agreement"]["pairs"][0]["num_samples"] == 1
    text = config.PARAMS.read_text()
    config.PARAMS.write_text(text.replace("ingest:\n", "ingest:\n  decisions: false\n"))
    stage.main()
    assert artifacts.read_json(artifacts.LABELLING)["annotators"] == []


def test_the_former_file_of_all_data_sets_is_moved_by_a_person(project, picture_folder):
    write_params(picture_folder)
    artifacts.write_text(FORMER, ",".join(COLUMNS) + "\n")
    stage.main()  # nothing is in it
    artifacts.write_text(FORMER, "\n".join([",".join(COLUMNS), LINES[0]]))
    command = r"git mv data/label_decisions\.csv data/label_decisions/x\.csv$"
    with pytest.raises(UserError, match=rf"^data/label_decisions\.csv holds decisions, .*{command}"):
        stage.main()
    artifacts.DECISIONS.mkdir()
    FORMER.rename(artifacts.decisions_file("x"))
    stage.main()
    assert artifacts.read_table(artifacts.MANIFEST)["decision"].notna().sum() == 1


@pytest.mark.parametrize("name", ["../x", "a/b", ""])
def test_the_file_stays_in_its_folder(name):
    with pytest.raises(UserError, match=r"^source\.name '.*' cannot name a file; use letters, digits, - and _$"):
        artifacts.decisions_file(name)


class Negatives:
    """A source of the four pictures of cats and of dogs, of which the dogs show none of the labels."""

    def __init__(self, folder):
        self.inner = source(folder)

    def read(self):
        rows = self.inner.read()
        rows["negative"] = rows["path"].str.startswith("dog/")
        rows["labels"] = [["cat"] if path.startswith("cat/") else [] for path in rows["path"]]
        return rows

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_a_negative_that_people_gave_a_label_is_none_any_more(decide, picture_folder):
    manifest, _ = ingest(
        Negatives(picture_folder), 9_999, decisions=decide("dog/0.png,relabel,,cat,Ann,2026-11-24,purrs")
    )
    rows = manifest.set_index("sample_id")
    assert rows.loc["dog/0.png", ["labels", "negative"]].tolist() == [["cat"], False]
    assert rows.loc["dog/1.png", ["labels", "negative"]].tolist() == [[], True]
    assert unlabelled_note(manifest).startswith("3 pictures show none of the labels: negatives of a multi-label")
    assert (
        unlabelled_note(manifest.assign(negative=False))
        == "3 pictures have no label, so they take no part in a training for labels"
    )
    assert unlabelled_note(manifest.head(4)) == ""


def test_pictures_that_no_row_names_do_not_count_against_the_limit():
    manifest = pd.DataFrame({"labels": [["cat"], ["dog"]], "media": "image"})
    reasons = ["no_row", "no_row", "no_row", "dropped"]
    quarantine = pd.DataFrame({"path": "x.png", "labels": [[]] * 4, "reason": reasons, "detail": ""})
    check_quarantine(manifest, quarantine, Limits(max_pixels=1, max_quarantine_fraction=0))
    shown = stage.describe(manifest, quarantine)
    assert shown == "2 pictures, 2 classes, 1 file refused, 3 other pictures without an annotation left out"
    quarantine.loc[0, "reason"] = "empty"
    with pytest.raises(UserError, match=r"1 of 6 items were refused, more than .* 0 allows"):
        check_quarantine(manifest, quarantine, Limits(max_pixels=1, max_quarantine_fraction=0))
