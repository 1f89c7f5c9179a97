"""The gates that refuse: parts, calibration, budgets, checks, leaks, and the properties alone."""

import numpy as np
import pandas as pd
import pytest
from gate_examples import make_contest
from predictions_examples import make_predictions

from pipeline.core.estimate import Estimate
from pipeline.core.results import StoredFinding
from pipeline.evaluation.gates.above_properties import AboveProperties
from pipeline.evaluation.gates.calibration import Calibration
from pipeline.evaluation.gates.latency import Latency
from pipeline.evaluation.gates.model_bytes import ModelBytes
from pipeline.evaluation.gates.no_failed_check import NoFailedCheck
from pipeline.evaluation.gates.no_leak import NoLeak
from pipeline.evaluation.gates.no_worse_part import NoWorsePart

EYE = np.eye(2)
TRUTH = np.arange(200) % 2
NAMES = [f"s{position}" for position in range(200)]
SAME = make_predictions(EYE[TRUTH], EYE[TRUTH], 0.8 * EYE[TRUTH] + 0.1, NAMES, NAMES)


def decided(right, scores=None):
    choice = np.where(right, TRUTH, 1 - TRUTH)
    return make_predictions(
        EYE[TRUTH], EYE[choice], 0.8 * EYE[choice] + 0.1 if scores is None else scores, NAMES, NAMES
    )


PARTS = NoWorsePart(min_slice=20, tolerance=0.01, num_resamples=1000, seed=0)


def test_a_class_that_is_lost_refuses():
    """Of 100 pictures of class 1 thirty are not found any more: -0.3 -+ 2.6 x sqrt(0.3 x 0.7 / 99)."""
    worse = decided((TRUTH == 0) | (np.arange(200) >= 60))
    found = PARTS(make_contest(worse, SAME))
    assert (found.outcome, found.figures) == ("refused", {"compared": 2.0, "worse": 1.0})
    start = "1 of 2 classes and slices are shown to be worse by more than 1 points: class class 1 -30.0 points ["
    assert found.sentence.startswith(start)


def test_a_slice_that_is_lost_refuses_and_a_gain_elsewhere_does_not_help():
    site = pd.DataFrame({"sample_id": NAMES, "attr_site": np.where(np.arange(200) < 60, "x", "y")})
    ours, theirs = decided(np.arange(200) >= 30), decided(np.arange(200) < 130)
    found = PARTS(make_contest(ours, theirs, attributes=site))
    assert found.outcome == "refused"
    assert "site x -50.0 points" in found.sentence


def test_equal_models_pass_and_few_pictures_say_nothing():
    assert PARTS(make_contest(SAME, SAME)).outcome == "passed"
    assert PARTS(make_contest(SAME, None)).outcome == "not_needed"
    few = SAME.take(np.arange(30))
    found = PARTS(make_contest(few, few))
    assert found.outcome == "cannot_be_judged"
    assert found.sentence == "no class or slice has 20 common test pictures of at least 5 groups"


def calibrated(max_error=None):
    return Calibration(tolerance=0.01, max_error=max_error, num_resamples=1000, seed=0)


def test_scores_that_mean_less_refuse():
    """Both are right on 90 of 100; one says 0.9, the other 0.6: errors of 0 and 0.3."""
    right = np.arange(200) % 10 > 0
    choice = EYE[np.where(right, TRUTH, 1 - TRUTH)]
    good, poor = (decided(right, surety * choice + (1 - surety) * (1 - choice)) for surety in (0.9, 0.6))
    found = calibrated()(make_contest(poor, good))
    assert found.outcome == "refused"
    assert found.figures["error"] == pytest.approx(0.3)
    assert found.figures["rise"].value == pytest.approx(0.3)
    assert calibrated()(make_contest(good, poor)).outcome == "passed"
    assert calibrated()(make_contest(good, good)).outcome == "passed"
    assert calibrated()(make_contest(good, None)).outcome == "not_needed"
    limited = calibrated(0.2)(make_contest(poor, None))
    assert (limited.outcome, limited.sentence) == ("refused", "its calibration error is 0.300, above 0.2")


@pytest.mark.parametrize("num_classes", [2, 50, 200])
def test_overconfidence_refuses_however_many_classes_there_are(num_classes):
    """Both are right on every second picture; one says 1, the other 0.5: errors of 0.5 and 0."""
    eye, truth = np.eye(num_classes), np.arange(200) % num_classes
    choice = eye[
        np.where(
            np.arange(200) // num_classes % 2 if num_classes < 200 else truth % 2, truth, (truth + 1) % num_classes
        )
    ]
    share = (choice * eye[truth]).sum() / 200

    def says(surety):
        scores = surety * choice + (1 - surety) / (num_classes - 1) * (1 - choice)
        return make_predictions(eye[truth], choice, scores, NAMES, NAMES)

    found = calibrated()(make_contest(says(1.0), says(share)))
    assert found.outcome == "refused"
    assert found.figures["error"] == pytest.approx(1 - share)
    of_labels = calibrated()(make_contest(says(1.0), says(share), is_exclusive=False))
    assert of_labels.figures["error"] == pytest.approx(2 * (1 - share) / num_classes)


@pytest.mark.parametrize(
    ("budget", "measured", "outcome"),
    [(None, None, "not_needed"), (5.0, None, "cannot_be_judged"), (5.0, 4.9, "passed"), (5.0, 5.1, "refused")],
)
def test_the_time_of_a_picture(budget, measured, outcome):
    found = Latency(max_milliseconds=budget)(make_contest(SAME, None, ours={"milliseconds": measured}))
    assert found.outcome == outcome
    assert str(measured) not in found.sentence  # a report must not differ from run to run


@pytest.mark.parametrize(
    ("limit", "growth", "ours", "theirs", "outcome"),
    [
        (None, None, 9, 9, "not_needed"),
        (2.0, None, 1_900_000, None, "passed"),
        (2.0, None, 2_100_000, None, "refused"),
        (2.0, None, None, None, "cannot_be_judged"),
        (None, 1.5, 1_400_000, 1_000_000, "passed"),
        (None, 1.5, 1_600_000, 1_000_000, "refused"),
        (None, 1.5, 1_600_000, None, "cannot_be_judged"),
        (2.0, 1.5, 1_600_000, None, "cannot_be_judged"),
    ],
)
def test_the_bytes_of_the_files(limit, growth, ours, theirs, outcome):
    contest = make_contest(SAME, SAME, ours={"num_bytes": ours}, theirs={"num_bytes": theirs})
    assert ModelBytes(max_megabytes=limit, max_growth=growth)(contest).outcome == outcome


def finding(state, obstacle=""):
    return StoredFinding(
        value=3.0,
        limit=0.0,
        unit="samples that leak",
        worst={},
        state=state,
        passed=state == "passed",
        obstacle=obstacle,
    )


@pytest.mark.parametrize(
    ("findings", "outcome", "sentence"),
    [
        ({}, "not_needed", "the check split_leakage is switched off"),
        ({"split_leakage": finding("passed")}, "passed", "split_leakage passed"),
        ({"split_leakage": finding("failed")}, "refused", "its test figures leak: 3 samples that leak"),
        (
            {"split_leakage": finding("cannot_be_judged", "there are no groups")},
            "cannot_be_judged",
            "whether its test figures leak cannot be judged: there are no groups",
        ),
    ],
)
def test_leaks(findings, outcome, sentence):
    found = NoLeak()(make_contest(SAME, None, ours={"findings": findings}))
    assert (found.outcome, found.sentence) == (outcome, sentence)


BAD, GOOD = {"outliers": finding("failed")}, {"outliers": finding("passed")}


@pytest.mark.parametrize(
    ("failures", "ignored", "now", "before", "outcome"),
    [
        ("new", [], GOOD, BAD, "passed"),
        ("new", [], BAD, GOOD, "refused"),
        ("new", [], BAD, {}, "refused"),
        ("new", [], BAD, BAD, "passed"),
        ("all", [], BAD, BAD, "refused"),
        ("new", ["outliers"], BAD, GOOD, "passed"),
        ("new", [], BAD, None, "cannot_be_judged"),
    ],
)
def test_checks_that_fail(failures, ignored, now, before, outcome):
    gate = NoFailedCheck(failures=failures, ignored=ignored)
    assert gate(make_contest(SAME, SAME, ours={"findings": now}, theirs={"findings": before})).outcome == outcome
    first = gate(make_contest(SAME, None, ours={"findings": now}))
    assert first.outcome == ("refused" if failures == "all" else "passed" if now is GOOD or ignored else "not_needed")


@pytest.mark.parametrize(
    ("ends", "below", "outcome", "words"),
    [
        ((0.1, 0.3), "refuse", "passed", "the model uses more than these properties"),
        ((-0.1, 0.3), "refuse", "passed", "it is not shown to use more than these properties"),
        ((-0.3, -0.1), "refuse", "refused", "these properties alone do better; where that shortcut is known"),
        ((-0.3, -0.1), "warn", "passed", "these properties alone do better"),
        ((None, None), "refuse", "cannot_be_judged", "no interval"),
    ],
)
def test_what_the_properties_alone_reach_is_the_floor(ends, below, outcome, words):
    margin = Estimate(value=0.1, low=ends[0], high=ends[1], n=4, groups=4, caveat="" if ends[0] else "no interval")
    found = AboveProperties(below=below)(make_contest(SAME, None, figures={"baseline_margin": margin}))
    assert (found.outcome, found.figures) == (outcome, {"baseline_margin": margin})
    assert words in found.sentence


def test_a_margin_that_was_not_measured():
    assert AboveProperties(below="refuse")(make_contest(SAME, None)).outcome == "cannot_be_judged"
