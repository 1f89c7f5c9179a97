"""Weak slices that repeat another one are folded into it, and each that stands for itself shows its mistakes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_material import NASTY, Page, build

from pipeline.report.page import content, render
from pipeline.report.slices import MAX_SHOWN, NUM_EXAMPLES, list_examples

PICTURE = np.zeros((8, 8, 1), dtype=np.uint8)


def with_slices(*rows, images=(), **changes):
    """The material with these slices of 20 pictures; those with a `p` are weak."""
    material = build(**changes)
    first = material.slices.iloc[0].to_dict()
    table = pd.DataFrame([first | {"repeats": "", "mistakes": ""} | row for row in rows])
    return replace(material, slices=table, images=material.images | dict.fromkeys(images, PICTURE))


def weak(name, value=0.25, **columns):
    return {"slice": name, "value": value, **columns}


def test_a_slice_that_repeats_another_one_is_below_it_and_is_compared_all_the_same():
    material = with_slices(weak("a"), weak("b", 0.3, repeats="site = a"), weak("c", 0.2, repeats="site = a"), weak("d"))
    shown = content(material)["slices"]
    assert [(one.value, [other.value for other in one.repeated_by]) for one in shown.rows] == [
        ("a", ["b", "c"]),
        ("d", []),
    ]
    assert (len(shown.below), len(shown.repeats), len(shown.with_verdict)) == (2, 2, 4)
    text = Page(render(material)).text
    assert "weaker on 2 slices of test than on the rest, and on 2 slices that only repeat them (" in text
    assert "2 slices that repeat it" in text
    assert "site = b (20 pictures): 30.0" in text
    assert "4 slices of at least 20 pictures were compared" in text


def test_without_repeats_nothing_is_said_of_them():
    assert "repeat" not in Page(render(with_slices(weak("a")))).text


def test_a_slice_that_repeats_one_below_the_limit_of_the_page_stays():
    shown = content(with_slices(weak("b", repeats="site = gone")))["slices"]
    assert [one.value for one in shown.rows] == ["b"]


def test_weak_slices_show_pictures_of_their_mistakes_and_the_others_are_behind_a_click():
    material = with_slices(
        weak("a", mistakes=json.dumps(["one", "gone"])), {"slice": "fine", "value": 0.9, "verdict": "not shown"},
        images=["one"],
    )  # fmt: skip
    (one,) = content(material)["slices"].with_mistakes
    assert [picture.sample_id for picture in one.mistakes] == ["one"]
    page = render(material)
    section = page[page.index('<section id="slices">') : page.index('<section id="robustness">')]
    assert section.count("<img") == 1
    assert (
        section.index("Mistakes in the weak slices") < section.index("<summary>Not shown to be weaker") < len(section)
    )
    assert "fine" not in section[: section.index("<summary>Not shown")]


@pytest.mark.parametrize(
    ("num_weak", "num_fine", "summary"),
    [
        (MAX_SHOWN, 2, "Not shown to be weaker, the worst first: 2"),
        (MAX_SHOWN + 1, 0, "1 more weak slice: 1"),
        (MAX_SHOWN + 3, 2, "3 more weak slices, then those not shown to be weaker, the worst first: 5"),
        (2 * MAX_SHOWN + 3, 2, f"{MAX_SHOWN} more weak slices: {MAX_SHOWN} of {MAX_SHOWN + 5}"),
    ],
)
def test_weak_slices_beyond_the_limit_are_behind_the_click(num_weak, num_fine, summary):
    names = [f"w{row:03d}" for row in range(num_weak)]
    fine = [{"slice": f"fine{row}", "value": 0.9, "verdict": "not shown"} for row in range(num_fine)]
    page = Page(render(with_slices(*map(weak, names), *fine))).text
    assert summary in page
    assert sum(name in page for name in names) == min(num_weak, 2 * MAX_SHOWN)
    assert ("fine0" in page) == (num_fine > 0 and num_weak < 2 * MAX_SHOWN)


def test_names_of_mistakes_are_escaped():
    material = with_slices(weak("a", mistakes=json.dumps([NASTY[0]])), images=[NASTY[0]])
    assert NASTY[0] not in render(material)


def test_the_pictures_of_the_first_weak_slices_are_needed():
    table = pd.DataFrame({"mistakes": ["", '["x", "y"]', np.nan, *(f'["{at}"]' for at in range(20))]})
    assert list_examples(table) == ["x", "y", *map(str, range(NUM_EXAMPLES - 1))]
