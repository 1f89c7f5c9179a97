"""Names of clusters become decisions about labels."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.cluster_names import append_decisions, decide, read_names
from pipeline.datasets.label_review import apply_decisions, read_decisions

WHO = {"who": "Ada", "when": "2026-11-29"}


def assigned(labels: list[list[str]]) -> pd.DataFrame:
    number = len(labels)
    return pd.DataFrame(
        {
            "sample_id": [f"p{one}" for one in range(number)],
            "labels": labels,
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
    append_decisions(file, found.rows)
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
    assert [row[0] for row in again.rows] == ["p0"]
    append_decisions(file, again.rows)
    assert len(read_decisions(file)) == 4


def test_labels_stay_unless_they_are_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    samples = assigned([["flat"], ["flat"], ["round"], []])
    names = {"cluster 1": "round", "cluster 2": "flat"}
    found = decide(samples, names, "x", **WHO, min_score=0.0, relabel=False)
    assert [row[:4] for row in found.rows] == [["p3", "relabel", "", "flat"]]
    assert found.notes == [
        "2 pictures: have the label already",
        "1 picture: have another label, and stay; --relabel changes them",
    ]
    every = decide(samples, names, "x", **WHO, min_score=0.0, relabel=True)
    assert [row[:4] for row in every.rows] == [["p0", "relabel", "flat", "round"], ["p3", "relabel", "", "flat"]]


def test_a_typing_mistake_makes_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no sample of the source is labelled 'flatt'"):
        decide(assigned([["flat"], []]), {"cluster 2": "flatt"}, "x", **WHO, min_score=0.0, relabel=False)
    with pytest.raises(UserError, match="names 'cluster 9', and no picture is in such a cluster"):
        decide(assigned([[], []]), {"cluster 9": "flat"}, "x", **WHO, min_score=0.0, relabel=False)


def test_lines_follow_the_columns_of_the_file(tmp_path: Path):
    file = tmp_path / "x.csv"
    file.write_text("who,when,why,action,sample_id,previous,labels\nBo,2026-01-01,looked,keep,p0,flat,")
    append_decisions(file, [["p1", "relabel", "", "flat", "Ada", "2026-11-29", "cluster 1 was named flat"]])
    assert [(one.sample_id, one.who) for one in read_decisions(file)] == [("p0", "Bo"), ("p1", "Ada")]


def test_what_would_not_be_readable_is_not_written(tmp_path: Path):
    file = tmp_path / "x.csv"
    with pytest.raises(UserError, match="when must be a date like"):
        append_decisions(file, [["p1", "relabel", "", "flat", "Ada", "yesterday", "named"]])
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cluster,pictures,name\ncluster 1,5,\n", "no cluster has a name"),
        ("cluster,pictures\ncluster 1,5\n", "names no column 'name'"),
        ("cluster,name\ncluster 1,a\ncluster 1,b\n", "line 3 names 'cluster 1' again"),
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
    assert read_names(file) == {"cluster 2": "flat"}
