"""The page of clusters: sentences, table, curve and pictures, with names from strangers."""

from dataclasses import replace

import numpy as np
import pytest
from report_material import NASTY as NASTY_NAMES
from report_material import Page

from pipeline.core.estimate import Estimate
from pipeline.evaluation.cluster_findings import ClusterFinding
from pipeline.evaluation.cluster_report import Cluster, ClusterReport
from pipeline.features.cluster_stability import Stability
from pipeline.report.clusters import clusters_page, describe_findings, describe_stability, shown_samples

NASTY = NASTY_NAMES[0]


def estimate(value):
    return Estimate(value=value, low=value - 0.02, high=value + 0.02, n=40, groups=9)


def finding(column, kind, strength, rand, beyond):
    measure = "eta" if rand is None else "Cramer's V"
    return ClusterFinding(
        column=column,
        name=column,
        kind=kind,
        measure=measure,
        strength=strength,
        adjusted_rand=rand,
        p=0.01 if beyond else 0.7,
        n=40,
        beyond_chance=beyond,
    )


TYPE, DARK = finding(NASTY, "attribute", 0.98, 0.97, True), finding("brightness", "property", 0.2, None, None)
LABEL = finding("label", "label", 0.02, 0.01, False)


def make_report(**changed):
    clusters = [
        Cluster(name="cluster 1", size=30, labels={NASTY: 0.75}, nearest=["a.png", NASTY], border=["b.png"]),
        Cluster(name="cluster 2", size=10, labels={}, nearest=["c.png"], border=["c.png"]),
    ]
    curve = [Stability(num_clusters=number, agreement=estimate(0.95 / number)) for number in (1, 2, 3)]
    figures = ("matched_accuracy", "normalised_mutual_information", "adjusted_rand", "purity")
    report = ClusterReport(
        source=NASTY,
        features="numbers",
        algorithm="k-means",
        num_fitted=30,
        num_assigned=40,
        is_chosen=True,
        is_stable=False,
        curve=curve,
        clusters=clusters,
        figures={"fitted": {name: estimate(0.5) for name in figures}},
        findings=[TYPE, DARK, LABEL],
    )
    return replace(report, **changed)


def test_the_page_shows_everything_and_escapes_it():
    report = make_report()
    images = {name: np.full((20, 20), 90, np.uint8) for name in ("a.png", NASTY, "b.png")}
    html = clusters_page(report, images, {"a.png": "../a.png"})
    page = Page(html)
    assert NASTY not in html
    assert html.count("data:image/png") == 3
    assert "0.970" in html
    assert "cannot be judged" in html
    assert page.text.count("cluster 1: 30 pictures") == 1
    assert "75.0" in html
    assert shown_samples(report) == ["a.png", NASTY, "b.png", "c.png"]
    assert clusters_page(report, images, {}) == clusters_page(report, images, {})


def test_a_page_without_labels_curve_or_columns():
    html = clusters_page(make_report(findings=[], figures={}, curve=[], is_stable=None, is_chosen=False), {}, {})
    assert "No picture has a label" in html
    assert "no attribute, property or label that varies" in html
    assert "How many clusters?" not in html


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        (
            [replace(TYPE, name="cell type"), LABEL],
            (
                "2 clusters, which go with the attribute cell type (adjusted Rand index 0.97), and not with the label "
                "beyond chance."
            ),
        ),
        (
            [replace(LABEL, beyond_chance=True)],
            "2 clusters, which go only weakly with the label (adjusted Rand index 0.01).",
        ),
        (
            [replace(DARK, beyond_chance=False), LABEL],
            "2 clusters; none of 2 columns goes with them beyond chance.",
        ),
        (
            [DARK, LABEL],
            "2 clusters; whether anything goes with them cannot be judged: there are too few groups.",
        ),
        (
            [replace(TYPE, name="cell type"), replace(LABEL, beyond_chance=None)],
            (
                "2 clusters, which go with the attribute cell type (adjusted Rand index 0.97); whether with the label "
                "too cannot be judged."
            ),
        ),
        ([], "2 clusters; there is no attribute, property or label to compare them with."),
    ],
)
def test_the_sentence_names_what_was_found(findings, sentence):
    assert describe_findings(make_report(findings=findings)) == sentence


def test_the_sentence_of_stability():
    assert "agree on all of them with an adjusted Rand index of 0.475 (0.455 to 0.495). That is below 0.8" in (
        describe_stability(make_report())
    )
    assert "no accident of the sample" in describe_stability(make_report(is_stable=True))
    assert "How stable they are was not measured" in describe_stability(make_report(curve=[]))
