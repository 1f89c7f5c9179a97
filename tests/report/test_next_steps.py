"""What to do next follows from the results, by rules; at most three steps."""

from dataclasses import replace

import pytest
from report_material import Page, build, entry

from pipeline.report.page import content, render

CALM = {"accuracy": entry(0.9, 0.85, 0.95), "f1_macro": entry(0.9, 0.8, 0.95), "baseline_margin": entry(0.3, 0.1, 0.5)}


def steps(material):
    return [one.what for one in content(material)["next_steps"]]


def calm(**changes):
    """A material of which nothing stands out."""
    material = build(wrong=2)
    checks = {name: replace(one, passed=True, state="passed") for name, one in material.checks.items()}
    curation = {name: replace(one, passed=True, state="passed") for name, one in material.curation.items()}
    settings = {"checks": checks, "curation": curation, "metrics": CALM, "num_suspects": 0}
    return replace(material, **{**settings, **changes})


def test_where_nothing_stands_out_other_models_are_next():
    assert steps(calm()) == ["Compare other models: colibri leaderboard"]


def test_at_most_three_and_what_could_make_the_figures_wrong_comes_first():
    assert steps(build()) == [
        "Repair what \u201cleak\u201d found",
        "Read the 2 warnings of the checks: shortcut, outliers",
        "Look at 7 label suspects, and keep, relabel or drop them",
    ]


def test_they_follow_what_was_found_and_lead_somewhere():
    html = render(build())
    assert html.index('id="interventions"') < html.index('id="next"') < html.index('id="making"')
    page = Page(html)
    ids = {attributes.get("id") for _, attributes in page.tags}
    for one in content(build())["next_steps"]:
        assert one.href[1:] in ids or one.href.endswith(".html")
        assert one.what in page.text


def test_one_suspect_is_one():
    assert steps(calm(num_suspects=1)) == ["Look at 1 label suspect, and keep, relabel or drop them"]


@pytest.mark.parametrize(("low", "expected"), [(0.0, 1), (-0.1, 1), (0.01, 0), (None, 0)])
def test_a_model_that_is_not_shown_to_beat_the_properties(low, expected):
    metrics = CALM | {"baseline_margin": entry(0.1, low, 0.3)}
    found = [one for one in steps(calm(metrics=metrics)) if one.startswith("Show that the model sees more")]
    assert len(found) == expected


def test_a_model_that_is_not_shown_to_beat_a_guess():
    metrics = {"accuracy": entry(0.55, 0.5, 0.6)}  # half of test is cats
    assert steps(calm(metrics=metrics)) == ["Collect more test pictures, or change the model"]


def test_a_wide_interval_asks_for_groups_where_there_are_few():
    metrics = CALM | {"accuracy": entry(0.8, 0.6, 0.95)}
    (few,) = content(calm(metrics=metrics))["next_steps"]
    assert few.what.startswith("Add pictures of new groups")
    assert few.why == "The interval is 35 points wide, because test has 8 independent groups."
    material = calm(metrics=metrics)
    alone = material.predictions.assign(group=material.predictions["sample_id"])
    (many,) = content(replace(material, predictions=alone))["next_steps"]
    assert many.what == "Add test pictures: four times as many halve the interval"
    assert many.why == "The interval is 35 points wide, because test has 40 pictures."


def test_classes_with_few_pictures_are_named():
    few = replace(entry(0.5, 0.2, 0.8, 14), few=True)
    (step,) = content(calm(metrics=CALM | {"recall/dog": few, "recall/cat": entry(0.9, 0.8, 1.0, 30)}))["next_steps"]
    assert step.what == "Collect more pictures of dog (14)"
    assert step.why == "1 class has under 21 pictures in test."


def test_a_frequent_mistake_is_named():
    (step,) = content(replace(calm(), predictions=build(wrong=12).predictions))["next_steps"]
    assert step.what == "Look at the pictures of \u201ccat\u201d that are predicted as \u201cdog\u201d"
    assert step.why == "They are 6 of 20: the most frequent mistake."
