"""What labels are worth in sentences: better, worse, or cannot be judged; and the page."""

import pytest
from report_material import Page

from pipeline.core.estimate import Estimate
from pipeline.evaluation.label_efficiency import METRICS, DrawEstimate
from pipeline.evaluation.labelling_curves import CurvePoint, LabellingCurves, LabelsSaved
from pipeline.report.labelling_curves import (
    describe_claim,
    describe_savings,
    describe_strategy,
    draw_curves,
    labelling_page,
)


def make_point(strategy: str, number: int, value: float, ends: tuple[float, float] | None, minus: str) -> CurvePoint:
    low, high = ends or (None, None)
    estimate = Estimate(value=value, low=low, high=high, n=100, groups=4, caveat="" if ends else "no interval: why")
    figures = dict.fromkeys(METRICS, DrawEstimate(estimate=estimate, over_draws=ends))
    return CurvePoint(strategy=strategy, minus=minus, num_labels=number, figures=figures)


def make_found(
    gains: dict[int, tuple[float, tuple[float, float] | None]], strategies: tuple[str, ...] = ("margin",)
) -> LabellingCurves:
    points, saved = [], []
    for number, (value, ends) in gains.items():
        points.append(make_point("random", number, 0.5, (0.4, 0.6), ""))
        for name in strategies:
            points.append(make_point(name, number, 0.5 + value, (0.4, 0.7), ""))
            points.append(make_point(name, number, value, ends, "random"))
            equal = 2.0 * number if value > 0 else None
            saved.append(
                LabelsSaved(
                    strategy=name,
                    num_labels=number,
                    equal=equal,
                    low=equal and number,
                    high=equal and 3 * number,
                    reason="" if equal else "fewer than 10 random labels",
                )
            )
    return LabellingCurves(
        source="blobs <&>",
        budgets=list(gains),
        strategies=strategies,
        points=points,
        saved=saved,
        num_repeats=4,
        num_train=1000,
        num_val=100,
        num_groups=20,
    )


@pytest.mark.parametrize(
    ("value", "ends", "expected"),
    [
        (0.05, (0.02, 0.08), "margin: better than random labels at 20 (+5.0 points, worth 40 random ones)."),
        (-0.05, (-0.08, -0.02), "margin: worse at 20 (-5.0 points)."),
        (0.05, (-0.02, 0.12), "margin: cannot be judged at 20 (+5.0 points, -2.0 to +12.0)."),
        (0.05, None, "margin: cannot be judged at 20 (+5.0 points, no interval)."),
    ],
)
def test_is_it_worth_it(value: float, ends: tuple[float, float] | None, expected: str) -> None:
    assert describe_strategy(make_found({20: (value, ends)}), "margin") == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0.02, 0.08), (-0.01, 0.02), "It is worth it: better than random labels at 20"),
        ((-0.08, -0.02), (-0.01, 0.02), "It is not worth it: random labels are better at 20"),
        ((0.02, 0.08), (-0.08, -0.02), "Whether it is worth it depends on the number of labels"),
        (None, (-0.01, 0.02), "Whether it is worth it cannot be judged"),
    ],
)
def test_the_claim(first: tuple[float, float] | None, second: tuple[float, float], expected: str) -> None:
    found = make_found({20: (0.0, first), 50: (0.0, second)})
    assert describe_claim(found) == expected
    assert expected in labelling_page(found)


def test_the_default_of_query_comes_first() -> None:
    found = make_found({20: (0.05, (0.02, 0.08))}, ("margin", "typical_then_margin"))
    assert [sentence.partition(":")[0] for sentence in describe_savings(found)] == ["typical_then_margin", "margin"]


def test_the_page_shows_differences_labels_and_reasons() -> None:
    found = make_found({20: (0.05, (0.02, 0.08)), 1000: (-0.01, (-0.03, 0.01))})
    text = Page(labelling_page(found)).text.replace("\u00a0", " ")
    assert "blobs <&>" in text
    assert "+5.0" in text
    assert "20 to 60" in text
    assert "fewer than 10 random labels" in text
    assert "1,000 labelled samples of train" in text


def test_the_plot_has_both_curves_and_one_budget_none() -> None:
    curve = draw_curves(make_found({20: (0.05, (0.02, 0.08)), 80: (0.1, (0.02, 0.2))}))
    assert curve is not None
    assert [line.name for line in curve.lines] == ["margin", "random"]
    assert [tick.text for tick in curve.x_ticks] == ["20", "80"]
    assert "margin, 20 labels: 55.0" in curve.alt
    assert draw_curves(make_found({20: (0.05, (0.02, 0.08))})) is None
