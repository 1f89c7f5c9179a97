"""The champion is compared on pictures that it was not trained on."""

import numpy as np
import pytest
from predictions_examples import make_predictions

from pipeline.tracking import contest, rescoring
from pipeline.tracking.contest import describe_obstacle

EYE = np.eye(2)


@pytest.mark.parametrize(
    ("fitted", "obstacle"),
    [
        (None, "which pictures it was trained on is not recorded"),
        ({"t1", "x"}, "it was trained on 1 of them"),
        ({"x"}, ""),
    ],
)
def test_what_makes_figures_too_good(fitted, obstacle):
    assert describe_obstacle(None if fitted is None else frozenset(fitted), {"t0", "t1"}) == obstacle


def predictions(*names):
    rows = np.arange(len(names)) % 2
    return make_predictions(EYE[rows], EYE[rows], EYE[rows], list(names), list(names))


def test_a_champion_that_was_trained_on_test_is_not_scored_on_it(monkeypatch):
    ours, theirs = predictions("a", "b", "c"), predictions("a", "b")
    again = predictions("a", "b", "c")
    monkeypatch.setattr(rescoring, "score_version", lambda *arguments: again)
    found, notes = contest._score_again("bees", "1", ours, theirs, None, {}, "it was trained on 1 of them")
    assert found is theirs
    (note,) = notes
    assert note.startswith("the test part changed since version 1: 1 of 3 pictures are new to it; it was trained on 1 ")
    assert note.endswith("of them, so its stored predictions are compared")
    found, notes = contest._score_again("bees", "1", ours, theirs, None, {}, "")
    assert found is again
    assert notes[0].endswith("; it was scored again on all of them")
