"""Predictions of val and test, and their figures."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.metrics.accuracy import Accuracy
from pipeline.metrics.rate import Rate
from pipeline.stages.evaluate import Options, judged, predict
from pipeline.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)
OPTIONS = {"num_resamples": 100, "seed": 0, "half_width": 0.45, "min_slice": 1, "num_mistakes": 0}


def brightness(images, told=None):
    """Sure of class b where the picture is bright."""
    assert told is None or len(told) == len(images)
    bright = images.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    return np.stack([1 - bright, bright], axis=1)


@pytest.fixture
def predictions(packed):
    return predict(SimpleNamespace(predict=brightness, task=TASK), packed)


def test_predictions_are_those_of_val_and_test(packed, predictions):
    assert list(predictions) == ["sample_id", "split", "labels", "group", "attr_site", "scores", "decided"]
    assert predictions["sample_id"].tolist() == [f"s{position}" for position in range(12, 20)]
    assert predictions["split"].tolist() == ["val"] * 4 + ["test"] * 4
    assert predictions["decided"].tolist() == [["a"], ["b"]] * 4
    scores = np.stack(predictions["scores"])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, brightness(packed.images[12:]), rtol=1e-6)


def test_what_is_told_of_the_pictures_goes_with_them(packed):
    seen = []

    def noticed(images, told):
        seen.append(told)
        return brightness(images, told)

    predict(SimpleNamespace(predict=noticed, task=TASK), packed)
    assert seen[0]["sample_id"].tolist() == [f"s{position}" for position in range(12, 20)]
    assert seen[0]["attr_site"].tolist() == packed.index["attr_site"].tolist()[12:]
    assert seen[0].index.tolist() == list(range(8))


def test_figures_of_the_test_split(predictions):
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    test.loc[0, "labels"] = test.loc[1, "labels"]  # one label is wrong now: 3 of 4 right, 2 of 3 b found
    metrics = {"accuracy": Accuracy(), "recall": Rate(number="recall", averaging="none")}
    found = judged(metrics, test, ["a", "b"], Options(**OPTIONS))
    assert {name: (entry["value"], entry["n"]) for name, entry in found.items()} == {
        "accuracy": (0.75, 4),
        "recall/a": (1.0, 1),
        "recall/b": (pytest.approx(2 / 3), 3),
    }
    # two groups of two: with the seed's draws, either may be missing
    assert (found["accuracy"]["low"], found["accuracy"]["high"]) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"num_resamples": 99}, r"^num_resamples must be at least 100, got 99$"),
        ({"min_slice": 0}, r"^min_slice must be at least 1, num_mistakes at least 0, got 0 and 0$"),
        ({"num_mistakes": -1}, r"^min_slice must be at least 1, num_mistakes at least 0, got 1 and -1$"),
    ],
)
def test_wrong_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        Options(**{**OPTIONS, **choices})
