"""The section on time: verdict and figures of clips and volumes, and nothing for pictures."""

from dataclasses import replace

import pytest
from report_material import Page, build, entry

from pipeline.report.page import render

MEASURED = {
    "shuffled_margin": entry(0.42, 0.31, 0.53),
    "reversed_margin": entry(0.9, 0.8, 0.97),
    "single_margin": entry(0.5, 0.4, 0.6),
    "static_baseline": entry(0.26, 0.2, 0.33),
    "static_margin": entry(0.71, 0.6, 0.8),
}


@pytest.fixture(scope="module")
def material():
    return build()


def page_of(material, figures):
    return Page(render(replace(material, metrics={**material.metrics, **figures}))).text


def test_pictures_have_no_such_section(material):
    text = page_of(material, {})
    assert "Does it use" not in text
    assert "shuffled" not in text


def test_a_clip_has_verdict_and_figures(material):
    text = page_of(material, MEASURED)
    assert "Does it use time?" in text
    assert (
        "The model uses time: its balanced accuracy falls by 42.0 points (between 31.0 and 53.0) with the frames of "
        "each sample shuffled, and 90.0 points (between 80.0 and 97.0) with the clips reversed." in text
    )
    assert "It needs more than one frame: the best single one costs 50.0 points (between 40.0 and 60.0)." in text
    plain = text.replace("\u00a0", " ").replace("\u202f", " ")
    assert "+42.0 points" in plain
    assert "26.0 %" in plain  # what the middle frame alone reaches


def test_a_volume_says_nothing_of_reversal(material):
    figures = {name: one for name, one in MEASURED.items() if name != "reversed_margin"}
    figures["shuffled_margin"] = entry(0.001, -0.02, 0.022)
    text = page_of(material, figures)
    assert "Does it use the order of slices?" in text
    assert "The model does not use the order of slices: its balanced accuracy falls by 0.1 points" in text
    assert "nothing is said of reversed ones" in text


def test_too_few_groups_say_why(material):
    caveat = "no interval: it rests on 3 independent groups, fewer than 5"
    text = page_of(
        material, {"shuffled_margin": entry(0.3, caveat=caveat), "reversed_margin": entry(0.3, caveat=caveat)}
    )
    assert "Whether the model uses time cannot be judged" in text
    assert f"; {caveat}." in text
