"""What a model says of samples, and from whom it is kept."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.labelling.web.suggestions import fit_suggestions, read_predictions, read_suspects


def make_features(rng, labels):
    return rng.normal(size=(len(labels), 6)) + 4 * np.eye(6)[[["cat", "dog"].index(name) for name in labels]]


def test_a_probe_learns_from_train_and_says_nothing_of_test():
    rng = np.random.default_rng(0)
    truth = ["cat", "dog"] * 30
    splits = np.array(["train"] * 20 + ["val"] * 10 + ["test"] * 10 + ["pool"] * 20)
    known = [[name] if row < 40 else None for row, name in enumerate(truth)]
    found = fit_suggestions(make_features(rng, truth), known, splits, True, 0)
    assert sorted(found) == [*range(20, 30), *range(40, 60)]  # of val and pool
    assert np.mean([found[row].labels == (truth[row],) for row in found]) > 0.9
    scores = [name for name, _ in found[40].scores]
    assert (sorted(scores), found[40].by) == (["cat", "dog"], "probe")
    several = [[name, "pet"] if row < 40 else None for row, name in enumerate(truth)]
    both = fit_suggestions(make_features(rng, truth), several, splits, False, 0)
    assert np.mean([set(both[row].labels) == {truth[row], "pet"} for row in both]) > 0.9
    assert fit_suggestions(make_features(rng, truth), [["cat"]] * 60, splits, True, 0) == {}


def test_predictions_of_val_alone_and_suggestions_of_suspects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (read_predictions({}), read_suspects({})) == ({}, ([], {}))
    table = pd.DataFrame({"sample_id": ["a", "b"], "split": ["val", "test"], "scores": [[0.3, 0.7], [0.9, 0.1]]})
    table["decided"] = [["dog"], ["cat"]]
    artifacts.write_table(artifacts.PREDICTIONS, table, metadata={"classes": ["cat", "dog"]})
    found = read_predictions({"a": 0, "b": 1})
    assert list(found) == [0]
    assert (found[0].labels, found[0].score, found[0].by) == (("dog",), pytest.approx(0.7), "model")
    artifacts.SUSPECTS.parent.mkdir()
    suspects = {"sample_id": ["b", "a", "x"], "labels": ["dog", "cat", "cat"], "p_suggested": [0.9, "", 1]}
    pd.DataFrame({**suspects, "split": ["test", "train", "train"]}).to_csv(artifacts.SUSPECTS, index=False)
    rows, of_suspects = read_suspects({"a": 0, "b": 1})
    assert (rows, list(of_suspects), of_suspects[0].labels) == ([1, 0], [0], ("cat",))
