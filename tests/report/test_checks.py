"""The checks as people read them: the sentence, the figure, the pictures."""

import re
from dataclasses import replace

import numpy as np
import pytest
from report_material import NASTY, Page, build

from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, StoredFinding
from pipeline.report.checks import checks_page, linked_samples
from pipeline.report.meters import meter
from pipeline.report.page import render


def test_checks_carry_a_word_a_limit_and_come_worst_first():
    page = Page(render(build()))
    assert (
        "3 of 5 checks on the data did not pass, which limits what these figures mean: leak, shortcut, outliers."
        in page.text
    )
    assert [card["class"] for card in page.all("article")] == ["card failed", "card warning", "card warning"]
    assert "Does every split have enough?" not in page.text  # it passed: one line, which leads to its own page
    assert {"checks.html#rare_class", "curation.html#label_suspects"} <= {link["href"] for link in page.all("a")}
    assert "0.75 classes too rare; at most 0.7 accepted." in page.text
    assert page.text.count("What to do: Collect more.") == 3


def entry(**changes):
    given = {"value": 0.9, "limit": 0.7, "unit": "AUC", "worst": {}, "passed": False, "on_fail": "error"}
    return StoredFinding.from_json({"question": "Does it?", "advice": "Mend it.", **given, **changes})


def test_the_sentence_stands_before_the_figure_and_the_pictures_after_it():
    pictures = {"dark ones": ["a", "b"], "bright ones": ["c"]}
    checks = {"weather": entry(sentence="The sky gives the tank away.", pictures=pictures)}
    images = {name: np.full((20, 30, 3), shade, dtype=np.uint8) for name, shade in (("a", 9), ("b", 19), ("c", 200))}
    html = checks_page("tanks", "check", checks, images)
    places = [html.index(one) for one in ("The sky gives", "<b>0.9</b>", "dark ones", "bright ones")]
    assert places == sorted(places)
    page = Page(html)
    assert page.open == []
    assert [picture["alt"] for picture in page.all("img")] == ["a", "b", "c"]
    assert len({picture["src"] for picture in page.all("img")}) == 3
    assert not page.all("script")
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_a_picture_that_is_not_at_hand_is_named():
    page = Page(checks_page("tanks", "check", {"weather": entry(pictures={"dark": ["gone.png"]})}, {}))
    assert page.all("img") == []
    assert "gone.png" in page.text


def test_strips_are_bounded():
    checks = {"weather": entry(pictures={"dark": [f"{number}.png" for number in range(50)]})}
    assert linked_samples(checks) == [f"{number}.png" for number in range(MAX_IN_STRIP)]


def test_everything_that_was_measured_is_a_table_of_which_the_first_200_rows_are_shown():
    table = [{"property": f"p{row};", "p_value": 0.25 / 64} for row in range(MAX_ROWS)]
    checks = {"weather": entry(table=table, num_rows=3210)}
    page = Page(checks_page("tanks", "check", checks, {}))
    assert "p value" in page.text
    assert "0.003906" in page.text
    assert "p199;" in page.text
    assert "The first 200 of 3,210 rows." in page.text


@pytest.mark.parametrize("stage", ["check", "curate"])
@pytest.mark.parametrize("name", [*NASTY, 'x" onerror="alert(1)', "<img src=x>", "javascript:alert(1)"])
def test_whatever_a_check_says_is_escaped(name, stage):
    checks = {name: entry(sentence=name, pictures={name: [name]}, table=[{name: name}], worst={name: name})}
    html = checks_page(name, stage, checks, {name: np.zeros((8, 8), dtype=np.uint8)})
    page = Page(html)
    assert "<script" not in html
    assert page.open == []
    assert name in page.text
    assert [picture["alt"] for picture in page.all("img")] == [name]
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]


def test_the_report_shows_what_the_checks_point_at():
    material = build()
    shown = next(iter(material.images))
    pictures = {"the same twice": [shown, "not in the packed arrays"]}
    material.checks["leak"] = replace(material.checks["leak"], pictures=pictures)
    figure = re.search(r'<figure class="strip">.*?</figure>', render(material), re.DOTALL).group()
    assert figure.count("<img") == 1
    assert "not in the packed arrays" in figure


def test_what_only_content_shows_follows_what_the_manifest_shows():
    html = render(build())
    places = [
        html.index(one)
        for one in ("Labels, files and", 'id="check-leak"', "The content of the pictures", 'id="curate-outliers"')
    ]
    assert places == sorted(places)
    page = Page(html)
    assert "2 pictures resemble no other cat." in page.text
    assert {"checks.html", "curation.html", "label_suspects.html"} <= {link["href"] for link in page.all("a")}


def test_a_page_of_its_own_has_no_link_to_itself():
    page = Page(checks_page("tanks", "curate", {"label_suspects": entry(), "outliers": entry()}, {}))
    assert [link["href"] for link in page.all("a")] == ["index.html", "label_suspects.html"]
    assert "2 of 2 checks found more than their limits allow. 2 of them stop the run until the data" in page.text


def test_each_check_has_an_anchor_that_an_address_can_hold():
    names = ["rare_class", "checks", "two words", "<b>"]
    page = Page(checks_page("tanks", "check", {name: entry() for name in names}, {}))
    ids = [attributes["id"] for tag, attributes in page.tags if tag == "article"]
    assert ids == ["rare_class", "check-2", "check-3", "check-4"]


def test_what_passed_is_one_line_that_opens():
    page = Page(checks_page("tanks", "check", {"weather": entry(passed=True, sentence="Fine.")}, {}))
    assert [one["class"] for one in page.all("details")] == ["card passed"]
    assert "passed weather 0.9 AUC; limit 0.7" in page.text
    assert "Fine." in page.text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "expected"),
    [
        (0.75, 0.65, "balanced accuracy (0.5 is chance)", (0.5, 0.3, "chance, 0.5", "1")),
        (0.4, 0.6, "AUC of a probe", (0.0, 0.2, "chance, 0.5", "1")),
        (0.2, 0.05, "share of pictures with a fault", (0.2, 0.05, "0", "1")),
        (5.0, 10.0, "largest / smallest", (0.25, 0.5, "0", "20")),
        (129.0, 10.0, "largest / smallest", (1.0, 0.5, "0", "20")),
    ],
)
def test_the_scale_of_a_bar_does_not_depend_on_its_value(value, limit, unit, expected):
    bar = meter(value, limit, unit)
    assert (bar.reached, bar.allowed) == pytest.approx(expected[:2])
    assert (bar.start, bar.end) == expected[2:]


@pytest.mark.parametrize(("value", "limit"), [(129.0, 0.0), (0.0, 0.0), (None, 1.0), (1.0, None)])
def test_a_count_that_must_be_zero_has_no_bar(value, limit):
    assert meter(value, limit, "samples with a copy") is None


def test_a_name_leads_to_its_file():
    images = {"a.png": np.zeros((8, 8), dtype=np.uint8)}
    checks = {"weather": entry(pictures={"dark": ["a.png", "b.png"]})}
    page = Page(checks_page("tanks", "check", checks, images, {"a.png": "../data/a.png"}))
    assert [link["href"] for link in page.all("a")] == ["index.html", "../data/a.png"]
    assert [one["aria-label"] for one in page.all("input")] == ["Enlarge a.png"]


def test_no_check_at_all():
    assert "No check was run." in Page(checks_page("tanks", "check", {}, {})).text


def test_a_figure_that_is_undefined_has_no_bar():
    html = checks_page("tanks", "check", {"weather": entry(value=None, limit=None)}, {})
    assert "undefined AUC; at most undefined accepted." in Page(html).text
    assert 'class="meter' not in html


def test_a_share_is_in_percent_and_other_numbers_are_not():
    checks = {"one": entry(unit="share of pictures with a fault", value=0.107, limit=0.05), "two": entry()}
    text = Page(checks_page("tanks", "check", checks, {})).text
    assert "10.7 % share of pictures with a fault; at most 5.0 % accepted." in text
    assert "0.9 AUC; at most 0.7 accepted." in text


@pytest.mark.parametrize(
    ("states", "claim"),
    [
        ([("error", False), ("warn", False)], "The run stopped before training: check 0."),
        ([("error", True), ("warn", False)], "The checks passed with 1 warning."),
        ([("error", True), ("warn", True)], "All checks passed."),
    ],
)
def test_the_page_opens_with_what_follows_for_the_run(states, claim):
    checks = {f"check_{n}": entry(on_fail=on_fail, passed=passed) for n, (on_fail, passed) in enumerate(states)}
    assert claim in Page(checks_page("tanks", "check", checks, {})).text


def test_tiny_pictures_keep_their_pixels():
    checks = {"weather": entry(pictures={"dark": ["small", "large"]})}
    images = {"small": np.zeros((28, 28), dtype=np.uint8), "large": np.zeros((144, 90, 3), dtype=np.uint8)}
    small, large = Page(checks_page("tanks", "check", checks, images)).all("img")
    assert (small.get("class"), large.get("class")) == ("tiny", None)


def test_the_same_findings_give_the_same_bytes():
    checks = {"weather": entry(pictures={"dark": ["a", "b"]})}
    images = {name: np.arange(300, dtype=np.uint8).reshape(10, 10, 3) for name in "ba"}
    backwards = dict(reversed(images.items()))
    assert checks_page("x", "check", checks, images) == checks_page("x", "check", checks, backwards)


def test_what_cannot_be_judged_has_its_own_badge_and_count():
    blind = {"value": 0.0, "passed": False, "state": "cannot_be_judged", "obstacle": "Test has one group; give more."}
    warned = entry(on_fail="warn", state="failed", obstacle="")
    page = Page(checks_page("tanks", "check", {"drift": entry(on_fail="warn", **blind), "weather": warned}, {}))
    assert [card["class"] for card in page.all("article")] == ["card warning", "card cannot-be-judged"]
    assert "Cannot be judged: Test has one group; give more." in page.text
    assert "1 of 2 checks found more than its limit allows. 1 check could not have failed on these data" in page.text
    assert "The checks passed with 1 warning. 1 check could not have failed on these data." in page.text
    alone = Page(checks_page("tanks", "check", {"drift": entry(on_fail="warn", **blind)}, {}))
    claim = "Every check that could fail on these data passed. 1 check could not have failed on these data."
    assert claim in alone.text
    stopped = Page(checks_page("tanks", "check", {"drift": entry(**blind)}, {}))
    assert "The run stopped before training: drift." in stopped.text


def test_what_is_noted_is_shown_with_its_note_and_counts_as_no_warning():
    note = "Half of the classes have at most 7 pictures."
    seen = {"state": "noted", "note": note, "sentence": f"Labels differ. {note}"}
    findings = {"weather": entry(passed=True), "label_suspects": entry(on_fail="warn", passed=True, **seen)}
    page = Page(checks_page("tanks", "curate", findings, {}))
    assert [card["class"] for card in page.all("article")] == ["card noted"]
    assert page.text.count(note) == 1
    assert "All checks passed or are noted." in page.text
    claim = "Every check stayed within its limit or is noted. 1 check is noted: above the limit, with a reason why"
    assert claim in page.text
    assert "What to do" not in page.text


def test_the_report_names_what_is_noted_with_its_note():
    note = "The border is part of the object."
    seen = {"state": "noted", "note": note, "sentence": f"It differs. {note}"}
    noted = {"outliers": entry(on_fail="warn", passed=True, **seen)}
    page = Page(render(replace(build(), checks={"weather": entry(passed=True)}, curation=noted)))
    assert f"noted outliers: {note}" in " ".join(page.text.split())
    assert "All 2 checks on the data passed" in page.text
    assert not page.all("article")
