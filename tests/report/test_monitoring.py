"""The page of drift: states, figures, plots and pictures."""

import numpy as np
from report_material import NASTY as NASTY_NAMES
from report_material import Page

from pipeline.core.drift_report import DriftMeasure, DriftReport
from pipeline.report.monitoring import monitoring_page, shown_samples

NASTY = NASTY_NAMES[0]
QUANTILES = [float(one) for one in np.linspace(0.1, 0.9, 21)]


def make_report(**changed):
    properties = DriftMeasure(
        name="properties",
        unit="largest distance",
        value=0.41,
        low=0.2,
        high=0.62,
        p_value=0.002,
        limit=0.1,
        state="drifted",
        sentence="Of the new pictures brightness is higher.",
        detectable=0.3,
        details=(
            {"property": "brightness", "distance": 0.41, "p": 0.002, "reference": QUANTILES, "new": QUANTILES},
            {"property": "num_pixels", "distance": 0.02, "p": 1.0, "reference": [], "new": [9000.0] * 21},
        ),
        pictures={f"New, highest {NASTY}": ("a.png", NASTY), "Training, in the middle": ("b.png",)},
    )
    decisions = DriftMeasure(
        name="predicted_classes",
        unit="share",
        value=0.1,
        p_value=1.0,
        limit=0.05,
        state="cannot_be_judged",
        sentence="It cannot be judged.",
        details=(
            {"class": NASTY, "reference": 0.25, "new": 0.35, "p": 1.0, "estimated": 0.4, "low": 0.3, "high": 0.5},
            {"class": "b", "reference": 0.75, "new": 0.65, "p": 1.0, "estimated": 0.6, "low": None, "high": None},
        ),
    )
    loss = DriftMeasure(
        name="expected_loss",
        unit="lost",
        value=0.12,
        low=0.05,
        high=0.19,
        p_value=0.01,
        limit=0.05,
        state="not_shown",
        sentence="78 % are expected to be right.",
        details=(
            {"what": "expected accuracy", "value": 0.78, "low": 0.71, "high": 0.85},
            {"what": "accuracy on val", "value": 0.9, "low": None, "high": None},
        ),
    )
    facts = {
        "measures": (properties, decisions, loss),
        "not_measured": {"labels": "no label is known"},
        "num_reference": 1200,
        "num_reference_groups": 34,
        "num_new": 150,
        "num_new_groups": 1,
        "alpha": 0.05,
        "caveats": ("All new pictures count as one group.",),
    }
    return DriftReport(**{**facts, **changed})


def test_states_figures_and_words():
    report = make_report()
    images = {"New": {"a.png": np.zeros((20, 30, 3), np.uint8)}, "Training": {"b.png": np.zeros((20, 30), np.uint8)}}
    html = monitoring_page("cells", report, images, "files of june")
    page = Page(html)
    assert page.open == []
    assert "The new pictures differ from those of the training: properties." in page.text
    assert (
        "150 new pictures (files of june) in 1 group, against 1,200 pictures of train and val in 34 groups" in page.text
    )
    assert "All new pictures count as one group." in page.text
    assert "0.410" in page.text
    assert "0.200 to 0.620" in page.text
    assert "78.0" in page.text
    assert "not measured: no label is known" in page.text
    assert "drifted" in page.text
    assert "cannot be judged" in page.text
    assert html.count("data:image/png") == 2
    assert NASTY not in html  # texts of the data set are escaped
    assert html == monitoring_page("cells", report, images, "files of june")


def test_a_report_without_any_measure_is_a_page_too():
    page = Page(monitoring_page("cells", make_report(measures=()), {}, "logged predictions"))
    assert page.open == []
    assert "Drift cannot be judged: nothing could be measured." in page.text


def test_which_pictures_are_shown():
    report = make_report()
    assert shown_samples(report, "New") == ["a.png", NASTY]
    assert shown_samples(report, "Training") == ["b.png"]
