"""The page says what the model adds to the properties of the pictures."""

from dataclasses import replace

from report_material import Page, build, entry

from pipeline.report.page import render


def test_the_header_says_what_the_model_adds():
    material = build()
    shown = replace(material, metrics={**material.metrics, "baseline_margin": entry(0.2, 0.1, 0.3)})
    text = Page(render(shown)).text
    assert "balanced accuracy is 20.0 points above what the properties alone reach on the same pictures" in text
    assert "between +10.0 and +30.0: the model uses more than these properties." in text
    assert (
        "The properties alone are a forest that sees brightness, borders, file size and the like, but not the content"
        in text
    )
    assert "above the properties alone" in text  # among the figures too
    assert "Of 100 new pictures, the model gets 80 right" in text


def test_it_leads_no_page():
    shown = replace(build(), metrics={"baseline_margin": entry(-0.2, -0.3, -0.1)})
    text = Page(render(shown)).text
    assert "No metric was chosen" in text
    assert "these properties alone do better" in text


def test_without_the_figure_nothing_is_said():
    assert "the properties alone" not in Page(render(build())).text
