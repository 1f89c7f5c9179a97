"""Rows of predictions: of files, and of the last run."""

import numpy as np
import pandas as pd
import pytest
from trained_model import CLASSES, make_pictures

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.prediction import tables
from pipeline.prediction.classifier import Answers
from pipeline.prediction.picture_files import list_pictures
from pipeline.prediction.tables import make_table, predict_files, stored_predictions

COLUMNS = ["file", "class", "confidence", "score_ant", "score_bee", "score_fly", "reason"]


def test_a_bad_file_is_a_row_with_its_reason(classifier, scans):
    found = pd.concat(predict_files(classifier, list_pictures(["scans"]).paths, batch=4), ignore_index=True)
    assert found.columns.tolist() == COLUMNS
    assert found["file"].tolist()[:3] == ["scans/new/0.png", "scans/new/0b.jpg", "scans/new/2.png"]
    bad = found[found["reason"] != ""]
    assert bad["file"].tolist() == ["scans/new/0b.jpg", "scans/old/empty.png", "scans/old/half.png"]
    assert [text.partition(":")[0] for text in bad["reason"]] == ["not_a_picture", "empty", "truncated"]
    assert bad["class"].tolist() == ["", "", ""]
    assert bad.filter(like="score_").isna().all(axis=None)
    scores = classifier.predictor.predict(make_pictures(10)[..., None])
    good = found[found["reason"] == ""].sort_values("file", key=lambda column: column.str[-5])
    np.testing.assert_allclose(good.filter(like="score_"), scores, rtol=1e-5)  # another batch, another rounding
    assert good["class"].tolist() == [CLASSES[one] for one in scores.argmax(axis=1)]
    np.testing.assert_allclose(good["confidence"], scores.max(axis=1), rtol=1e-5)


def test_no_more_than_a_batch_is_in_memory(classifier, scans, monkeypatch):
    sizes = []
    classify = type(classifier).classify
    monkeypatch.setattr(type(classifier), "classify", lambda own, part: sizes.append(len(part)) or classify(own, part))
    parts = predict_files(classifier, ["scans/new/0.png"] * 7, batch=3)
    assert [len(next(parts)), sizes] == [3, [3]]  # the next ones are read when they are wanted
    assert [len(part) for part in parts] == [3, 1]
    assert sizes == [3, 3, 1]


def test_a_batch_without_any_picture(classifier, scans):
    (found,) = predict_files(classifier, ["scans/old/empty.png", "gone.png"])
    assert found["reason"].tolist() == ["empty: 0 bytes", "missing: no such file"]
    assert found.dtypes.astype(str).to_dict()["score_ant"] == "float32"


def test_a_name_that_is_no_utf_8(classifier, project, encode):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    (project / name).write_bytes(encode(make_pictures(1)[0]))
    (found,) = predict_files(classifier, [name])
    assert (found["file"].tolist(), found["reason"].tolist()) == (["caf\\udce9.png"], [""])


def test_a_file_that_kills_the_process_that_decodes_it(classifier):
    name, refused = tables._reject_crashed(("a.png", b""))
    assert (name, refused.reason) == ("a.png", "crashed")


def test_several_labels():
    scores = np.array([[0.9, 0.8], [0.1, 0.2]])
    answers = Answers(labels=[["x", "y"], []], scores=scores, abstains=None, sets=None)
    found = make_table(["a", "b", "c"], answers, ["x", "y"], False, {1: "empty: 0 bytes"})
    assert found.columns.tolist() == ["file", "labels", "score_x", "score_y", "reason"]
    assert found["labels"].tolist() == ["x|y", "", ""]
    np.testing.assert_allclose(found["score_y"], [0.8, np.nan, 0.2], rtol=1e-6)


def test_a_class_called_like_a_column():
    answers = Answers(labels=[["file"]], scores=np.array([[0.25, 0.75]]), abstains=None, sets=None)
    found = make_table(["a"], answers, ["reason", "file"], True, {})
    assert found.to_dict("records") == [
        {"file": "a", "class": "file", "confidence": 0.75, "score_reason": 0.25, "score_file": 0.75, "reason": ""}
    ]


@pytest.fixture
def evaluated(project):
    """Predictions as `evaluate` stores them."""
    rows = pd.DataFrame(
        {
            "sample_id": ["a/1.png", "b/2.png", "b/3.png"],
            "split": ["val", "test", "test"],
            "labels": [["a"], ["b"], ["a"]],
            "group": ["a", "b", "c"],
            "scores": [np.float32([0.75, 0.25]), np.float32([0.5, 0.5]), np.float32([0.125, 0.875])],
            "decided": [["a"], ["a"], ["b"]],
        }
    )
    artifacts.write_table(artifacts.PREDICTIONS, rows, metadata={"classes": ["a", "b"]})
    return rows


def test_the_scores_of_the_last_run(evaluated):
    assert stored_predictions("val").to_dict("records") == [
        {"file": "a/1.png", "split": "val", "true": "a", "right": True, "class": "a"}
        | {"confidence": 0.75, "score_a": 0.75, "score_b": 0.25}
    ]
    both = stored_predictions("val", "test")
    assert both["split"].tolist() == ["val", "test", "test"]
    assert both["right"].tolist() == [True, False, False]
    assert both["confidence"].tolist() == [0.75, 0.5, 0.875]


def test_several_labels_of_the_last_run(evaluated):
    evaluated["decided"] = [["a", "b"], [], ["a"]]
    evaluated["labels"] = [["b", "a"], ["a"], ["a"]]
    artifacts.write_table(artifacts.PREDICTIONS, evaluated, metadata={"classes": ["a", "b"]})
    found = stored_predictions("val", "test")
    assert "class" not in found
    assert found["labels"].tolist() == ["a|b", "", "a"]
    assert found["true"].tolist() == ["b|a", "a", "a"]
    assert found["right"].tolist() == [True, False, True]


def test_a_run_without_such_pictures(evaluated):
    artifacts.write_table(artifacts.PREDICTIONS, evaluated[1:], metadata={"classes": ["a", "b"]})
    with pytest.raises(UserError, match=r"^data/predictions.parquet holds no picture of val; the last run had none"):
        stored_predictions("val")


def test_no_run(project):
    with pytest.raises(UserError, match=r"^data/predictions.parquet does not exist; run dvc repro"):
        stored_predictions("test")
