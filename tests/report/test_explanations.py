"""The section on attribution maps: the verdict first, then the border, then the maps."""

from dataclasses import replace

import numpy as np
import pytest
from report_material import NASTY, Page, build, explained

from pipeline.core.estimate import Estimate
from pipeline.evaluation.explanation_results import Explanations
from pipeline.report.explanations import AGAINST, FOR, explanations, overlay
from pipeline.report.page import render


def section(page):
    start = page.index('<section id="explanations">')
    return page[start : page.index("</section>", start)]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("depend", "The maps depend on what the model learned: random weights give others."),
        ("do_not_depend", "Do not read them as evidence of what the model looks at."),
        ("cannot_be_judged", "learned cannot be judged: too few. Do not read them as evidence."),
    ],
)
def test_the_verdict_comes_first(state, sentence):
    text = Page(section(render(replace(build(), explanations=explained("cat", state)))) + "</section>").text
    assert sentence in text[: text.index("2 decisions on test are explained.")]


def test_pictures_stand_by_class_and_kind_with_both_maps():
    found = explanations(explained("cat"))
    (cat,) = found.classes
    assert [(kind.title, len(kind.decisions)) for kind in cat.kinds] == [
        ("predicted, and wrong", 1),
        ("predicted, and right", 1),
    ]
    wrong, right = (kind.decisions[0] for kind in cat.kinds)
    assert [view.sample_id for view in wrong.views] == [
        "catwrong.png, picture",
        "catwrong.png, map",
        "catwrong.png, random weights",
    ]
    assert (wrong.actual, wrong.correlation, right.actual, right.correlation) == ("none", "", "cat", "0.31")
    assert len({view.uri for kind in cat.kinds for one in kind.decisions for view in one.views}) == 6


def test_a_border_with_more_than_its_area_is_named():
    found = explained("cat")
    assert explanations(found).border_sentence.startswith("For cat the border has more of the attribution")
    assert explanations(replace(found, border_area=0.5)).border_sentence.startswith("For no class ")
    assert "by chance" not in explanations(found).border_sentence  # a single class was compared
    two = {**found.figures, "border_share/dog": Estimate(value=0.1, low=0.05, high=0.2, n=6, groups=6)}
    sentence = explanations(replace(found, figures=two)).border_sentence
    assert sentence.endswith("Of forty classes about one is named by chance; here are 2.")
    assert "The outer tenth of each side is 36 % of the area." in Page(render(build())).text


def test_correlations_are_no_shares():
    assert [(one.name, one.text, one.between) for one in explanations(explained("cat")).correlations] == [
        ("the same {noun} with random weights", "0.300", "0.200 to 0.400"),
        ("another {noun} with the trained model", "0.250", "0.200 to 0.300"),
        ("reproduced by random weights", "0.070", "-0.100 to 0.200"),
    ]


def test_without_maps_there_is_one_line():
    page = section(render(replace(build(), explanations=Explanations(note="Nothing was explained: it is off."))))
    assert "Nothing was explained: it is off." in page
    assert "<table" not in page


def test_names_are_escaped_and_pictures_are_lazy():
    page = section(render(replace(build(), explanations=explained(NASTY[0]))))
    assert NASTY[0] not in page
    assert page.count('loading="lazy"') == page.count("<img") == 6


def test_the_overlay_is_orange_for_and_blue_against_the_class():
    grey = np.full((1, 3, 1), 100, dtype=np.uint8)
    values = np.array([[0.0, 1.0, -1.0]])
    found = overlay(grey, values)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[0, 1].tolist() == [round(25 + 0.75 * one) for one in FOR]
    assert found[0, 2].tolist() == [round(25 + 0.75 * one) for one in AGAINST]
    assert overlay(np.repeat(grey, 3, axis=2), values).tolist() == found.tolist()
