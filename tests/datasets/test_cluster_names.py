"""Names of clusters become decisions about labels."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.cluster_names import decide, read_names, refuse_named
from pipeline.datasets.label_decisions import LabelDecision, append_decisions, read_decisions
from pipeline.datasets.label_review import apply_decisions

WHO = {"who": "Ada", "when": "2026-11-29"}


def assigned(labels: list[list[str]]) -> pd.DataFrame:
    number = len(labels)
    return pd.DataFrame(
        {
            "sample_id": [f"p{one}" for one in range(number)],
            "labels": labels,
            "split": "train",
            "cluster": ["cluster 1" if one % 2 == 0 else "cluster 2" for one in range(number)],
            "score": [0.5 + 0.1 * one for one in range(number)],
        }
    )


def test_names_make_the_classes_of_pictures_without_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    samples = assigned([[], [], [], []])
    names = {"cluster 1": "a, round", "cluster 2": "flat"}
    found = decide(samples, names, "x", **WHO, min_score=0.55, relabel=False)
    file = Path("data/label_decisions/x.csv")
    append_decisions(file, found.decisions)
    assert found.notes == ["1 picture: stay as they are: their cluster has a probability below 0.55"]
    decisions = read_decisions(file)
    assert [(one.sample_id, one.labels, one.who) for one in decisions] == [
        ("p1", ["flat"], "Ada"),
        ("p2", ["a, round"], "Ada"),
        ("p3", ["flat"], "Ada"),
    ]
    items, _ = apply_decisions(samples, [None] * 4, decisions)
    assert items["labels"].tolist() == [[], ["flat"], ["a, round"], ["flat"]]
    again = decide(samples, names, "x", **WHO, min_score=0.0, relabel=True)
    assert [one.sample_id for one in again.decisions] == ["p0"]
    append_decisions(file, again.decisions)
    assert len(read_decisions(file)) == 4


def test_labels_stay_unless_they_are_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    samples = assigned([["flat"], ["flat"], ["round"], []])
    names = {"cluster 1": "round", "cluster 2": "flat"}
    found = decide(samples, names, "x", **WHO, min_score=0.0, relabel=False)
    assert [(one.sample_id, one.action, one.labels) for one in found.decisions] == [("p3", "label", ["flat"])]
    assert found.notes == [
        "2 pictures: have the label already",
        "1 picture: have another label, or show none of them, and stay; --relabel changes them",
    ]
    every = decide(samples, names, "x", **WHO, min_score=0.0, relabel=True)
    assert [(one.sample_id, one.action, one.previous, one.labels) for one in every.decisions] == [
        ("p0", "relabel", ["flat"], ["round"]),
        ("p3", "label", [], ["flat"]),
    ]


def test_negatives_are_labelled_and_test_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    samples = assigned([[], [], [], []]).assign(
        negative=[True, False, False, False], split=["train", "pool", "test", "val"]
    )
    names = {"cluster 1": "round", "cluster 2": "flat"}
    found = decide(samples, names, "x", **WHO, min_score=0.0, relabel=False)
    assert [one.sample_id for one in found.decisions] == ["p1", "p3"]
    assert found.notes == [
        "1 picture: are of test, which is not labelled from clusters: label them by hand to measure a classifier",
        "1 picture: have another label, or show none of them, and stay; --relabel changes them",
    ]
    every = decide(samples, names, "x", **WHO, min_score=0.0, relabel=True)
    assert [one.sample_id for one in every.decisions] == ["p0", "p1", "p3"]


def test_a_source_without_labels_is_named_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    samples = assigned([[], [], [], []])
    first = decide(samples, {"cluster 1": "round"}, "x", **WHO, min_score=0.0, relabel=False)
    append_decisions(Path("data/label_decisions/x.csv"), first.decisions)
    after = samples.assign(labels=[["round"], [], ["round"], []])  # what ingest makes of it
    second = decide(after, {"cluster 2": "poly"}, "x", **WHO, min_score=0.0, relabel=False)
    append_decisions(Path("data/label_decisions/x.csv"), second.decisions)
    decisions = read_decisions(Path("data/label_decisions/x.csv"))
    items, _ = apply_decisions(samples, [None] * 4, decisions)
    assert items["labels"].tolist() == [["round"], ["poly"], ["round"], ["poly"]]


def test_labels_before_a_decision_are_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    line = LabelDecision(sample_id="p0", action="relabel", previous=["flat"], labels=["round"], why="looked", **WHO)
    append_decisions(Path("data/label_decisions/x.csv"), [line])
    samples = assigned([["round"], [], ["round"], []])  # p0 alone was flat
    found = decide(samples, {"cluster 2": "flat"}, "x", **WHO, min_score=0.0, relabel=False)
    assert [one.sample_id for one in found.decisions] == ["p1", "p3"]


def test_a_typing_mistake_makes_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no sample of the source is labelled 'flatt'"):
        decide(assigned([["flat"], []]), {"cluster 2": "flatt"}, "x", **WHO, min_score=0.0, relabel=False)
    with pytest.raises(UserError, match="names 'cluster 9', and no picture is in such a cluster"):
        decide(assigned([[], []]), {"cluster 9": "flat"}, "x", **WHO, min_score=0.0, relabel=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cluster,pictures,name\ncluster 1,5,\n", "no cluster has a name"),
        ("cluster,pictures\ncluster 1,5\n", "names no column 'name'"),
        ("cluster,pictures,name\ncluster 1,5,a\ncluster 1,5,b\n", "line 3 names 'cluster 1' again"),
        ("cluster,name\ncluster 1,a\n", "names no column 'pictures'"),
        ("cluster,pictures,name\ncluster 1,few,a\n", "line 2: pictures must be a whole number, found 'few'"),
        (None, "does not exist; run colibri clusters"),
    ],
)
def test_names_that_cannot_be_read(text: str | None, message: str, tmp_path: Path):
    file = tmp_path / "cluster_names.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_names(file)


def test_clusters_without_a_name_are_left_out(tmp_path: Path):
    file = tmp_path / "cluster_names.csv"
    file.write_text("cluster,pictures,name\ncluster 1,5,\ncluster 2,3, flat \n")
    found = read_names(file)
    assert (found.names, found.sizes) == ({"cluster 2": "flat"}, {"cluster 1": 5, "cluster 2": 3})
    with pytest.raises(UserError, match="holds names, which new clusters would replace"):
        refuse_named(file)
    file.write_text("cluster,pictures,name\ncluster 1,5,\n")
    refuse_named(file)
