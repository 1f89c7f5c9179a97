"""The comparison page: figures before and after, and whether a change may be chance."""

import re

import pytest
from report_material import NASTY, Page

from pipeline.core.estimate import Change, Estimate
from pipeline.evaluation.part_comparison import Counts, PartChange
from pipeline.report.comparison import comparison_page, row


def entry(gain, low, high, by_earlier_labels=0.9, before=0.8):
    after = None if gain is None else before + gain
    return Change(
        by_earlier_labels=by_earlier_labels,
        before=before,
        after=after,
        gain=Estimate(value=gain, low=low, high=high, n=40, groups=40),
    )


def registration(**changes):
    earlier = {
        "version": "3",
        "data_hash": "0" * 32,
        "git_commit": "0123456789abcdef",
        "n": 40,
        "num_relabelled": 2,
        "num_left": 1,
        "num_new": 0,
        "other_choices": [],
        "metrics": {
            "accuracy": entry(0.05, 0.01, 0.1).to_json(),
            "f1_macro": entry(-0.01, -0.05, 0.03).to_json(),
        },
    }
    return {"version": "4", "earlier_data": {**earlier, **changes}}


def test_the_claim_the_figures_and_their_labels():
    html = comparison_page("pictures", registration())
    page = Page(html)
    assert page.open == []
    assert "1 of 2 metrics changed significantly: the interval of the gain excludes 0." in page.text
    assert (
        "Version 4 against version 3, which was trained on the data before the change (git commit 0123456789)."
        in page.text
    )
    assert (
        "40 test pictures that they share, by the current labels: 2 of them have another label than before."
        in page.text
    )
    assert "1 earlier test picture is not in test any more, and 0 pictures are new in test" in page.text
    figures = re.findall(r"[+-]?\d+\.\d", page.text.split("accuracy")[1].split("macro F1")[0])
    assert figures == ["90.0", "80.0", "85.0", "+5.0", "+1.0", "+10.0"]
    assert "All parameters of conf/ are the same for both." in page.text


@pytest.mark.parametrize(
    ("gain", "low", "high", "verdict"),
    [
        (0.05, 0.01, 0.1, "better"),
        (-0.05, -0.1, -0.01, "worse"),
        (0.05, 0.0, 0.1, "may be chance"),
        (-0.05, -0.1, 0.0, "may be chance"),
        (0.05, None, None, "may be chance"),
        (None, None, None, "may be chance"),
    ],
)
def test_what_may_be_chance_is_called_so(gain, low, high, verdict):
    assert row("accuracy", entry(gain, low, high)).verdict == verdict


def test_what_is_undefined_is_a_dash():
    found = row("auroc_macro", entry(None, None, None, by_earlier_labels=None, before=0.5))
    assert (found.by_earlier_labels, found.before) == ("\u2013", "50.0\u00a0%")
    assert (found.after, found.gain) == ("\u2013", "\u2013")
    assert found.between == "no interval: undefined in most resamples"


def test_choices_that_differ_too_are_named():
    page = Page(comparison_page("x", registration(other_choices=[f"train.option{n:02d}" for n in range(23)])))
    assert "Not only the data differ. Parameters that differ too: train.option00, train.option01" in page.text
    assert "train.option19 and 3 more." in page.text


def test_where_nothing_can_be_compared_the_page_says_why():
    page = Page(comparison_page("x", {"version": "1", "earlier_data": None}))
    assert "There is no earlier version to compare with. Version 1 is the first of this data set." in page.text
    earlier = {"version": "3", "data_hash": "", "git_commit": "", "reason": "it knows other classes"}
    page = Page(comparison_page("x", {"version": "4", "earlier_data": earlier}))
    assert "Version 4 cannot be compared with version 3: it knows other classes." in page.text
    assert Page(comparison_page("x", {"version": "1"})).open == []  # as registered by an older Colibri


def test_names_are_escaped_and_nothing_is_loaded():
    html = comparison_page(NASTY[0], registration(other_choices=[NASTY[0]]))
    assert html.count("<script") == 1  # of the page itself
    assert "://" not in html
    assert html == comparison_page(NASTY[0], registration(other_choices=[NASTY[0]]))


def test_what_is_no_share_is_not_in_percent():
    shown = row("log_loss", entry(0.05, 0.01, 0.1, by_earlier_labels=0.4, before=0.35))
    assert (shown.by_earlier_labels, shown.before, shown.gain) == ("0.400", "0.350", "+0.050")
    assert shown.between == "+0.010 to +0.100"
    assert shown.verdict == "better"  # a gain is how much lower it became


def part(kind, name, counts, gain, low=None, high=None, detectable=None):
    estimate = Estimate(
        value=gain, low=low, high=high, n=sum(counts), groups=20, caveat="" if low else "too few groups"
    )
    names = ("both", "only_before", "only_after", "neither")
    made = Counts(**dict(zip(names, counts, strict=True)))
    return PartChange(kind=kind, name=name, counts=made, gain=estimate, detectable=detectable).to_json()


def against(*parts):
    return {"version": "4", "earlier_data": None, "against_champion": {"version": "2", "n": 40, "parts": list(parts)}}


def test_the_champion_class_by_class():
    found = against(
        part("all", "", (20, 2, 10, 8), 0.2, 0.1, 0.3, 0.14),
        part("class", NASTY[0], (9, 1, 0, 10), -0.05, -0.2, 0.1, 0.2),
        part("site", "north", (11, 1, 10, 0), 0.45, 0.2, 0.7, 0.3),
        part("site", "south", (1, 0, 0, 0), 0.0),
    )
    page = Page(comparison_page("pictures", found))
    text = page.text.replace("\u00a0", " ")
    assert page.open == []
    assert page.all("script") == [{}]  # of the page itself
    assert "The data have not changed: there is no version of earlier data to compare with." in text
    assert (
        "On the 40 test pictures of both, the accuracy of version 4 minus that of version 2, the champion, is +20.0"
        in text
    )
    assert "points (+10.0 points to +30.0 points)." in text
    assert "would have been found" not in text
    assert "Of 2 classes and slices, 1 better and 0 worse with this version; all intervals hold at once" in text
    assert re.findall(r"Both\s*(\d+)\s*Only version 2\s*(\d+)\s*Only version 4\s*(\d+)\s*Neither\s*(\d+)", text) == [
        ("20", "2", "10", "8")
    ]
    assert text.index("site = north") < text.index(f"class {NASTY[0]}") < text.index("site = south")
    assert "too few groups; may be chance" in text


def test_no_difference_to_the_champion_says_what_could_have_been_found():
    found = against(
        part("all", "", (20, 2, 3, 15), 0.025, -0.1, 0.15, 0.142),
        part("class", "a", (9, 1, 0, 10), -0.05, -0.2, 0.1, 0.25),
        part("class", "b", (9, 1, 0, 10), -0.05, -0.2, 0.1, 0.31),
    )
    text = Page(comparison_page("pictures", found)).text.replace("\u00a0", " ")
    assert "No difference is shown: one of 14.2 points would have been found in 4 of 5 such comparisons." in text
    assert "one of 25 (the largest part) to 31 points (the smallest) would have been found" in text


def test_a_champion_without_common_pictures():
    apart = {"version": "2", "reason": "no test picture is common to both"}
    found = {"version": "4", "earlier_data": None, "against_champion": apart}
    text = Page(comparison_page("pictures", found)).text
    assert "Version 4 cannot be compared with version 2, the champion: no test picture is common to both." in text
