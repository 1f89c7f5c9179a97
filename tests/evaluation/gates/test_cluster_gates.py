"""The gates of clusters: are they stable, and are they those of the champion?"""

import numpy as np
import pytest
from gate_examples import make_contest
from predictions_examples import make_predictions

from pipeline.core.estimate import Estimate
from pipeline.evaluation.gates.same_clusters import SameClusters
from pipeline.evaluation.gates.stable_clusters import StableClusters

NAMES = [f"s{position}" for position in range(120)]
EYE = np.eye(3)
SAME = SameClusters(min_agreement=0.9, min_samples=50, num_resamples=200, seed=0)
STABLE = StableClusters(min_agreement=0.8)


def clusters(assigned, eye=EYE, names=NAMES):
    """Predictions without targets, as a task without labels makes them."""
    chosen = eye[np.asarray(assigned)]
    return make_predictions(np.zeros(chosen.shape), chosen, 0.8 * chosen + 0.05, names, names)


FIRST = np.arange(120) % 3


def test_the_same_clusters_promote():
    moved = FIRST.copy()
    moved[:2] = (moved[:2] + 1) % 3  # 118 of 120: 0.983 -+ 0.024
    found = SAME(make_contest(clusters(moved), clusters(FIRST)))
    assert found.outcome == "passed"
    assert found.sentence.startswith("98.3 % [")
    assert "of 120 test pictures are in the cluster of the same name as by the champion: shown" in found.sentence
    assert found.figures["share"].value == pytest.approx(118 / 120)


def test_the_same_groups_under_other_names_do_not():
    found = SAME(make_contest(clusters((FIRST + 1) % 3), clusters(FIRST)))
    assert found.outcome == "refused"
    assert "not shown to be above 90 %" in found.sentence


def test_another_number_of_clusters_and_too_few_pictures():
    found = SAME(make_contest(clusters(FIRST % 2, np.eye(2)), clusters(FIRST)))
    assert (found.outcome, found.sentence) == ("refused", "it has 2 clusters, and the champion 3")
    classes = make_predictions(EYE[FIRST][:, :2], EYE[FIRST][:, :2], EYE[FIRST][:, :2], NAMES, NAMES, ["cat", "dog"])
    found = SAME(make_contest(clusters(FIRST), classes))
    assert found.sentence == "the champion is a classifier, which has no clusters to compare with"
    few = clusters(FIRST[:49], names=NAMES[:49])
    found = SAME(make_contest(few, clusters(FIRST)))
    assert found.outcome == "cannot_be_judged"
    assert found.sentence == "49 test pictures are common to both, fewer than 50"
    assert SAME(make_contest(clusters(FIRST), None)).outcome == "not_needed"


@pytest.mark.parametrize(("value", "outcome"), [(0.8, "passed"), (0.79, "refused"), (None, "cannot_be_judged")])
def test_stability(value, outcome):
    figures = {"stability": Estimate(value=value, low=None, high=None, n=5, groups=5)}
    found = STABLE(make_contest(clusters(FIRST), None, figures=figures))
    assert found.outcome == outcome
    assert ("below 0.8" in found.sentence) == (outcome == "refused")


def test_stability_that_nobody_measured_refuses():
    found = STABLE(make_contest(clusters(FIRST), None))
    assert StableClusters.is_essential
    assert found.outcome == "cannot_be_judged"
    assert "clusters.num_repeats is 0, or half of train has too few different pictures" in found.sentence
