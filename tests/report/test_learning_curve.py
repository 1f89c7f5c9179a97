"""The plot of the learning curve: places by hand, and the sentence."""

from itertools import pairwise

from pipeline.core.estimate import Estimate
from pipeline.evaluation.curve_text import GAIN, POINT
from pipeline.report.learning_curve import learning_curve
from pipeline.report.rendering import templates


def at(value, n, reach=0.1):
    return Estimate(value=value, low=value - reach, high=value + reach, n=n, groups=30)


METRICS = {
    POINT.format(10): at(0.5, 100),
    POINT.format(20): at(0.6, 200),
    POINT.format(40): at(0.65, 400),
    POINT.format(80): at(0.7, 800),
    POINT.format(160): at(0.72, 1600),
    GAIN: Estimate(value=0.02, low=0.01, high=0.03, n=1600, groups=30),
}


def test_each_doubling_is_as_wide_and_the_last_point_is_predicted():
    found = learning_curve(METRICS)
    xs = [point.x for point in found.points]
    steps = [round(right - left, 2) for left, right in pairwise(xs)]
    assert len(set(steps)) == 1
    assert [point.is_predicted for point in found.points] == [False] * 4 + [True]
    assert len(found.line.split()) == 4
    assert [tick.text for tick in found.x_ticks] == ["100", "200", "400", "800", "1,600"]
    assert found.points[0].low > found.points[0].y > found.points[0].high  # from the top
    assert found.sentence.startswith("More {noun}s would help these features: +2.0 points of balanced accuracy")


def test_the_section_shows_sentence_and_points_and_is_absent_without_a_curve():
    section = templates("clip").get_template("sections/learning_curve.html.jinja")
    text = section.render(learning_curve=learning_curve(METRICS))
    assert text.count("<circle") == 5
    assert "1,600 clips (predicted): 72.0" in text
    assert "More clips would help these features" in text
    assert learning_curve({"accuracy": at(0.5, 10)}) is None
    assert section.render(learning_curve=None).strip() == ""
