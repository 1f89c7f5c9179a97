"""The sentences of label efficiency: helped, made worse, or cannot be judged; and the page."""

import pytest
from report_material import Page

from pipeline.core.estimate import Estimate
from pipeline.evaluation.label_efficiency import METRICS, DrawEstimate
from pipeline.evaluation.label_efficiency_results import LabelEfficiency, SizePoint, ViewClaims
from pipeline.evaluation.property_probes import PropertyReading
from pipeline.evaluation.view_effects import ViewEffect
from pipeline.report.label_efficiency import draw_curve, label_efficiency_page
from pipeline.report.label_efficiency_text import describe_answer, describe_gains, describe_views


def make_point(size: str, value: float, ends: tuple[float, float] | None, minus: str = "") -> SizePoint:
    low, high = ends or (None, None)
    estimate = Estimate(value=value, low=low, high=high, n=100, groups=4, caveat="" if ends else "no interval: why")
    figures = dict.fromkeys(METRICS, DrawEstimate(estimate=estimate, over_draws=ends))
    labels = {"10": 20, "all": 500}.get(size, 0)
    return SizePoint(kind="pretrained", minus=minus, size=size, num_labels=labels, num_draws=3, figures=figures)


def make_found(points: list[SizePoint], effects: list[ViewEffect] | None = None) -> LabelEfficiency:
    return LabelEfficiency(
        source="stripes <&>",
        kinds={"initial": "initial weights", "pretrained": "pretrained"},
        points=points,
        obstacles={},
        missing={},
        num_train=500,
        num_val=100,
        num_groups=20,
        num_labelled={"train": 500, "val": 1200},
        card={"objective": "SimClr", "views": ["crop"], "epochs": 2, "num_samples": {}},
        views=ViewClaims(moves={}, readings=[], effects=effects or [], safety={}, notes=[]),
    )


def gains(value: float, ends: tuple[float, float] | None) -> list[SizePoint]:
    return [make_point(size, value, ends, "initial") for size in ("10", "all", "mean")]


@pytest.mark.parametrize(
    ("value", "ends", "expected"),
    [
        (0.05, (0.02, 0.08), "Pretraining helped (frozen, against the same encoder with its initial weights) by +5.0"),
        (-0.05, (-0.08, -0.02), "Pretraining made it worse (frozen, against the same encoder with its initial"),
        (0.05, (-0.02, 0.12), "Whether pretraining helped cannot be judged (frozen, against the same"),
        (0.05, None, "Whether pretraining helped cannot be judged (frozen, against the same encoder with its initial"),
    ],
)
def test_did_it_help(value: float, ends: tuple[float, float] | None, expected: str) -> None:
    found = make_found(gains(value, ends))
    (sentence,) = describe_gains(found)
    answer, between = describe_answer(found)
    assert sentence.startswith(answer.partition(":")[0])
    assert f": {100 * value:+.1f} points of balanced accuracy" in answer
    assert between == (f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}" if ends else "no interval: why")
    assert between in label_efficiency_page(found)
    assert sentence.startswith(expected)
    parts = "mean over 10, all labels a class" in sentence and f"{100 * value:+z.1f} points at 10" in sentence
    assert parts if ends else sentence.endswith("no interval: why.")


def test_the_page_escapes_names_and_has_no_curve_of_one_size() -> None:
    one = make_found([make_point("all", 0.9, None)])
    assert draw_curve(one) is None
    text = label_efficiency_page(one)
    assert "stripes &lt;&amp;&gt;" in text
    assert "Test was not read." in text
    assert "Of 1,200 labelled pictures of val a sample of 100 pictures was used" in text
    assert "labelled pictures of train a sample" not in text
    two = make_found([make_point("10", 0.6, (0.5, 0.7)), make_point("all", 0.9, (0.85, 0.95))])
    curve = draw_curve(two)
    assert curve is not None
    assert [tick.text for tick in curve.x_ticks] == ["10", "all"]
    assert curve.whiskers[0][1] < curve.whiskers[1][1]
    assert curve.whiskers[0][2] > curve.whiskers[1][2]  # from the top


def test_what_views_removed() -> None:
    number = {name: Estimate(value=one, low=None, high=None, n=9, groups=9) for name, one in (("a", 0.9), ("b", 0.2))}
    reading = PropertyReading(name="border_noise", before=number["a"], after=number["b"], change=number["b"])
    assert describe_views(make_found([]).views) == [
        "No view was shown to take a suspected property out of the features, or to weaken it."
    ]
    words = {
        "removed": "The view jitter takes border noise out of the features, which alone",
        "weakened": "The view jitter weakens border noise in the features, which alone",
        "cannot_be_judged": "Whether the view jitter takes border noise out of the features cannot be judged",
    }
    for effect, expected in words.items():
        one = ViewEffect(
            view="jitter", property="border_noise", moved=1.0, suspicion=0.7, reading=reading, effect=effect
        )
        (sentence,) = describe_views(make_found([], [one]).views)
        assert sentence.startswith(expected)
        assert sentence.endswith("the R² of its probe went from 0.90 to 0.20.")
    weak = ViewEffect(
        view="jitter", property="border_noise", moved=1.0, suspicion=0.7, reading=reading, effect="hardly_weakened"
    )
    (sentence,) = describe_views(make_found([], [weak]).views)
    assert sentence.startswith("The view jitter changes border noise, which alone predicts a label")
    assert sentence.endswith("and the features still hold it: the R² of its probe is 0.90 before and 0.20 after.")


def test_the_table_of_views_says_what_is_known() -> None:
    number = Estimate(value=-0.001, low=-0.004, high=-0.001, n=9, groups=9)
    reading = PropertyReading(name="noise", before=number, after=number, change=number)
    one = ViewEffect(
        view="jitter", property="noise", moved=1.0, suspicion=None, reading=reading, effect="hardly_weakened"
    )
    other = ViewEffect(view="jitter", property="glare", moved=0.7, suspicion=0.7, reading=None, effect="not_shown")
    text = Page(label_efficiency_page(make_found([], [one, other]))).text.replace("\u00a0", " ")
    assert "jitternoise1.00no0.000.00+0.00+0.00 to +0.00still there" in text
    assert "jitterglare0.7070.0 %no probe" in text
    assert "augmentation_safety" not in text
