"""The section on decisions says what the figures of the policy say, and warns where they are not promised."""

from dataclasses import replace

import pytest
from report_material import CASES, Page, build, entry, measure_decisions, stored

from pipeline.core.decision_rule import Rule
from pipeline.report.decisions import decisions, describe_calibration, describe_coverage
from pipeline.report.distance_text import describe_distance
from pipeline.report.formatting import with_noun
from pipeline.report.model_card_decisions import describe_decisions
from pipeline.report.page import render

POLICY = {"temperatures": [2.0, 2.0], "set_thresholds": [0.1, 0.1], "coverage": 0.9}
FELL = {"calibration_error_before": entry(0.12), "calibration_error": entry(0.05)}


@pytest.mark.parametrize("name", CASES)
def test_every_page_has_the_section(name):
    html = render(build(**CASES[name]))
    assert '<section id="decisions">' in html
    assert "<script>alert" not in html
    assert "Before calibration" in Page(html).text


def test_what_the_page_says():
    text = Page(render(build())).text
    assert "Whether test is like val cannot be judged: val has 8 groups and test has 8 groups" in text
    assert "The scores are calibrated with temperature 1.50 (above 1: the model was overconfident on val)." in text
    assert "Calibration of cat cannot be judged." in text
    assert "Prediction sets that were fitted on val to hold the true class of 90 % of the pictures hold that of" in text
    assert "Fitted on 40 val pictures, measured on test" in text


def test_without_sets_thresholds_and_temperature():
    material = build()
    plain = {"set_thresholds": None, "temperatures": (1.0, 1.0), "abstention": "never", "notes": ()}
    content = measure_decisions(material.predictions, ["cat", "dog"], **plain, rule=Rule())
    found = decisions(content)
    assert (found.promise, found.sizes, found.per_class, found.thresholds) == ("", [], [], [])
    assert found.calibration == "The scores are those of the model: no temperature was fitted."
    text = Page(render(replace(material, decisions=content))).text
    assert "left to a person" not in text.partition("Accuracy if the least")[0].partition("Decisions")[2]
    assert "Prediction sets that" not in text


@pytest.mark.parametrize(
    ("fall", "ending"),
    [
        (entry(0.07, 0.02, 0.12), "went from 12.0\u00a0% to 5.0\u00a0%: less than before."),
        (entry(0.07, -0.02, 0.12), "went from 12.0\u00a0% to 5.0\u00a0%, a difference that chance explains."),
        (entry(-0.07, -0.1, -0.02), "went from 12.0\u00a0% to 5.0\u00a0%: more than before."),
        (entry(0.07), "; test has too few groups to say whether that is more than chance."),
    ],
)
def test_what_calibration_did(fall, ending):
    assert describe_calibration(POLICY, {**FELL, "calibration_error_fall": fall}).endswith(ending)


def far(share, low=None, high=None, abstains=False, num_groups=400):
    policy = {"out_of_distribution": {"share": 0.01, "abstains": abstains}, "num_groups": num_groups}
    return with_noun(describe_distance(policy, {"out_of_distribution": entry(share, low, high)}), "picture")


UNFLAGGED = "A picture that is not flagged can be unlike those of train too: features keep only what training needed."


def test_what_is_out_of_distribution():
    assert far(0.012, 0.0, 0.03) == (
        "A picture is out of distribution if its features are farther from those of train than a limit, which is "
        "chosen on val so that about 1 % of new pictures like those of val are flagged; 1.2\u00a0% of test is. "
        "They are decided all the same; policy.out_of_distribution=abstain leaves them to "
        f"a person. {UNFLAGGED}"
    )
    surprise = "That is more than val shows: test holds pictures unlike train."
    assert surprise in far(0.2, 0.1, 0.3)
    assert surprise not in far(0.03, 0.02, 0.05)  # of 400 the 4th largest may let 2.2 % be farther
    assert surprise not in far(0.2, 0.1, 0.3, num_groups=50)  # 1 % of 50 is no picture
    assert far(0.2, 0.0, 0.3, abstains=True).endswith(
        f"20.0\u00a0% of test is. The policy leaves them to a person. {UNFLAGGED}"
    )
    assert describe_distance({"out_of_distribution": None}, {}) == ""
    assert describe_distance({}, {}) == ""  # stored before there were distances


def test_an_auc_below_chance_is_explained():
    content = build().decisions
    content["figures"]["val_test_auc"] = entry(0.44).to_json()
    (figure,) = [one for one in decisions(content).figures if one.name == "AUC between val and test"]
    assert with_noun(figure.note, "picture").endswith(
        "; below 50 % the probe does worse than chance on pictures that it was not fitted to, so it found no difference"
    )
    content["figures"]["val_test_auc"] = entry(0.5).to_json()
    assert decisions(content).figures[-1].note.endswith("chance is 50 %")


def test_costs_are_numbers_and_no_shares():
    material = build()
    rule = Rule(costs=((0.0, 10.0), (1.0, 0.0)))
    content = measure_decisions(material.predictions, ["cat", "dog"], rule=rule)
    figures = {one.name: one for one in decisions(content).figures}
    assert "%" not in figures["mean cost"].text + figures["mean cost"].between
    assert not figures["mean cost"].has_place
    assert figures["mean cost"].lower_is_better
    assert not figures["saved by the costs"].lower_is_better
    assert "saved by the costs" in Page(render(replace(material, decisions=content))).text


@pytest.mark.parametrize(
    ("coverage", "state", "ending"),
    [
        (entry(0.82, 0.79, 0.85), "differ", "That is fewer than promised: do not rely on the sets for pictures like"),
        (entry(0.89, 0.85, 0.93), "differ", "The promise is for pictures like those of val."),
        (entry(0.89, 0.85, 0.93), "alike", "hold that of 89.0\u00a0% of test, and of 58.1\u00a0% of normal."),
    ],
)
def test_what_the_sets_promise(coverage, state, ending):
    classes = {"set_coverage/normal": entry(0.581), "set_coverage/ill": entry(0.97)}
    text = with_noun(describe_coverage(POLICY, {"set_coverage": coverage, **classes}, state), "picture")
    assert ending in text
    assert "58.1\u00a0% of normal" in text
    assert describe_coverage({**POLICY, "set_thresholds": None}, {"set_coverage": coverage}, state) == ""


DRIFTED = "The classes are distributed differently in train and test: cat is 90.0 % of train and 62.5 % of test."
NOT_CARRIED = "what they claim holds for classes as frequent as in val, and does not carry over to test or to use"


@pytest.mark.parametrize(("passed", "count"), [(False, 1), (True, 0)])
def test_other_shares_of_the_classes_are_said_where_claims_are_made(passed, count):
    material = build()
    found = {"value": 0.275, "limit": 0.05, "unit": "share", "worst": {}, "sentence": DRIFTED, "passed": passed}
    drift = stored({"class_drift": found})
    section = Page(render(replace(material, checks={**material.checks, **drift}))).text.partition("Decisions")[2]
    assert section.count(f"{DRIFTED} Calibration and coverage are fitted on val: {NOT_CARRIED}") == count
    card = describe_decisions(material.decisions, material.card, drift["class_drift"])
    assert card.replace("\\", "").count(NOT_CARRIED) == count
