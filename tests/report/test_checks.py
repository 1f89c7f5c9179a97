"""The checks as people read them: the sentence, the figure, the pictures."""

import re

import numpy as np
from report_material import NASTY, Page, build

from pipeline.report.checks import MAX_IN_STRIP, checks_page, pointed_at
from pipeline.report.page import render


def test_checks_carry_a_word_a_limit_and_come_worst_first():
    page = Page(render(build()))
    assert "2 of 3 checks on the data did not pass." in page.text
    assert [card["class"] for card in page.all("article")] == ["card failed", "card warning", "card passed"]
    assert "Does every split have enough?" in page.text
    assert "0.75 classes too rare; at most 0.7 accepted." in page.text
    assert page.text.count("What to do: Collect more.") == 2


def entry(**changes):
    given = {"value": 0.9, "limit": 0.7, "unit": "AUC", "worst": {}, "passed": False, "on_fail": "error"}
    return {"question": "Does it?", "advice": "Mend it.", **given, **changes}


def test_the_sentence_stands_before_the_figure_and_the_pictures_after_it():
    pictures = {"dark ones": ["a", "b"], "bright ones": ["c"]}
    checks = {"weather": entry(sentence="The sky gives the tank away.", pictures=pictures)}
    images = {name: np.full((20, 30, 3), shade, dtype=np.uint8) for name, shade in (("a", 9), ("b", 19), ("c", 200))}
    html = checks_page("tanks", checks, images)
    places = [html.index(one) for one in ("The sky gives", "<b>0.9</b>", "dark ones", "bright ones")]
    assert places == sorted(places)
    page = Page(html)
    assert page.open == []
    assert [picture["alt"] for picture in page.all("img")] == ["a", "b", "c"]
    assert len({picture["src"] for picture in page.all("img")}) == 3
    assert not page.all("script")
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_a_picture_that_is_not_at_hand_is_named():
    page = Page(checks_page("tanks", {"weather": entry(pictures={"dark": ["gone.png"]})}, {}))
    assert page.all("img") == []
    assert "gone.png" in page.text


def test_strips_are_bounded():
    checks = {"weather": entry(pictures={"dark": [f"{number}.png" for number in range(50)]})}
    assert pointed_at(checks) == [f"{number}.png" for number in range(MAX_IN_STRIP)]


def test_everything_that_was_measured_is_a_table_of_which_the_first_200_rows_are_shown():
    checks = {"weather": entry(table=[{"property": f"p{row};", "p_value": 0.25 / 64} for row in range(201)])}
    page = Page(checks_page("tanks", checks, {}))
    assert "p value" in page.text
    assert "0.003906" in page.text
    assert "p199;" in page.text
    assert "p200;" not in page.text
    assert "The first 200 of 201 rows." in page.text


def test_whatever_a_check_says_is_escaped():
    name = NASTY[0]
    checks = {name: entry(sentence=name, pictures={name: [name]}, table=[{name: name}], worst={name: name})}
    html = checks_page(name, checks, {name: np.zeros((8, 8), dtype=np.uint8)})
    assert "<script" not in html
    assert Page(html).open == []


def test_the_report_shows_what_the_checks_point_at():
    material = build()
    shown = next(iter(material.images))
    material.checks["leak"]["pictures"] = {"the same twice": [shown, "not in the packed arrays"]}
    figure = re.search(r'<figure class="strip">.*?</figure>', render(material), re.DOTALL).group()
    assert figure.count("<img") == 1
    assert "not in the packed arrays" in figure
