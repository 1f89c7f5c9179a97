"""The section on robustness shows a small plot for each corruption, and says what is lost."""

from dataclasses import replace

import pytest
from report_material import Page, build, entry

from pipeline.report.page import content, render
from pipeline.report.robustness import describe_loss


def test_the_largest_loss_comes_first_with_its_interval():
    shown = content(build())["robustness"]
    assert [(panel.name, panel.loss, panel.is_shown) for panel in shown.panels] == [
        ("colour cast", "-40.0 % (-60.0 to -20.0 %)", True),
        ("blur", "-10.0 % (-30.0 to +5.0 %)", False),
    ]
    assert shown.loss == "-25.0 % (-40.0 to -10.0 %)"
    text = Page(render(build())).text
    assert (
        "2 corruptions at five severities change the accuracy of 40 test pictures by -25.0 % (-40.0 to -10.0 %)" in text
    )
    assert "The intervals have a caveat: it rests on 8 independent groups only." in text


def test_a_part_of_test_is_called_a_part():
    text = Page(render(build())).text
    assert "the accuracy of 40 test pictures by" in text
    assert "They are a part of" not in text
    material = build()
    clean = replace(material.robustness_metrics["clean"], n=30)
    part = replace(material, robustness_metrics=material.robustness_metrics | {"clean": clean})
    shown = Page(render(part)).text
    assert "the accuracy of 30 test pictures by" in shown
    assert "They are a part of the 40 pictures of test, each class by its share (robustness.max_samples)." in shown


def test_points_and_bars_lie_where_the_figures_are():
    panel = content(build())["robustness"].panels[0]
    assert panel.line.points == [(0, 20), (20, 30), (40, 40), (60, 50), (80, 60), (100, 80)]
    assert (panel.whiskers[1].x, panel.whiskers[1].top, panel.whiskers[1].bottom) == (20, 20, 40)
    assert panel.alt.startswith("Accuracy under colour cast, severity 0 to 5: 80.0")


def test_without_corruptions_the_section_says_so():
    material = replace(build(), robustness=build().robustness[:0], robustness_metrics={})
    assert content(material)["robustness"] is None
    assert "No picture of test was corrupted" in Page(render(material)).text


def test_without_intervals_there_are_no_bars():
    material = build()
    bare = material.robustness.assign(low=None, high=None)
    shown = content(replace(material, robustness=bare))["robustness"]
    assert shown.panels[0].whiskers == []


@pytest.mark.parametrize(
    ("one", "text"),
    [(entry(None), "undefined"), (entry(-0.1), "-10.0 %"), (entry(0.02, -0.01, 0.05), "+2.0 % (-1.0 to +5.0 %)")],
)
def test_a_loss_in_words(one, text):
    assert describe_loss(one) == text
