"""The galleries: mistakes with their nearest training pictures, and the least confident hits."""

from dataclasses import replace

import numpy as np
import pandas as pd
from report_material import Page, build

from pipeline.features.training_neighbours import Neighbour
from pipeline.report.mistakes import least_confident_hits, mistakes
from pipeline.report.page import render


def rows(labels, decided, scores):
    return pd.DataFrame(
        {
            "sample_id": list("abcd")[: len(labels)],
            "labels": labels,
            "decided": decided,
            "scores": [np.array(one) for one in scores],
            "group": "g",
        }
    )


def test_hits_are_sorted_by_the_score_of_the_decision():
    table = rows(
        [["x"], ["y"], ["x"], ["x"]],
        [["x"], ["y"], ["y"], ["x"]],
        [[0.9, 0.1], [0.45, 0.55], [0.4, 0.6], [0.6, 0.4]],
    )
    found = least_confident_hits(table, ["x", "y"], 2, exclusive=True)
    assert found["sample_id"].tolist() == ["b", "d"]
    assert found["given"].tolist() == [0.55, 0.6]
    assert len(least_confident_hits(table[:0], ["x", "y"], 2, exclusive=True)) == 0


def test_of_several_labels_the_least_sure_one_counts():
    """Of a: 0.9 and 1 - 0.45; of b: 0.6 and 1 - 0.1; c has no label, and 1 - 0.2."""
    table = rows([["x"], ["x"], []], [["x"], ["x"], []], [[0.9, 0.45], [0.6, 0.1], [0.2, 0.2]])
    found = least_confident_hits(table, ["x", "y"], 9, exclusive=False)
    assert found["sample_id"].tolist() == ["a", "b", "c"]
    assert found["given"].tolist() == [0.9, 0.6, 0.0]


def test_neighbours_say_whether_they_have_the_decided_label():
    table = rows([["x"]], [["y"]], [[0.1, 0.9]]).assign(given=0.1)
    near = {
        "a": [
            Neighbour(sample_id="t1", labels=["y"], similarity=0.987),
            Neighbour(sample_id="t2", labels=["x", "y"], similarity=0.5),
        ]
    }
    image = np.zeros((8, 8, 1), dtype=np.uint8)
    (found,) = mistakes(table, {"a": image, "t1": image}, ["x", "y"], neighbours=near)
    assert [(one.labels, one.as_decided, one.similarity) for one in found.neighbours] == [
        ("y", True, "0.99"),
        ("x, y", False, "0.50"),
    ]
    assert [bool(one.picture.uri) for one in found.neighbours] == [True, False]


def test_the_page_shows_both_galleries():
    text = Page(render(build())).text
    assert "nearest in train" in text
    assert "Least confident hits The 6 right predictions of which the model was least sure" in text
    bare = Page(render(replace(build(), neighbours={}, hits=build().hits[:0]))).text
    assert "nearest in train" not in bare
    assert "Least confident hits" not in bare
