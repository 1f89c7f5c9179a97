"""Every page closes what it opens, escapes what the data set says, and loads nothing."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from report_material import CASES, HEADINGS, NASTY, Page, build

from pipeline.report.page import render
from pipeline.report.test_uses import UseNote

pytestmark = pytest.mark.xdist_group("page")

BESIDE = {"index.html", "checks.html", "curation.html", "label_suspects.html", "comparison.html"}  # in the same folder


@pytest.fixture(params=CASES, scope="module")
def html(request):
    return render(build(**CASES[request.param]))


def test_everything_that_opens_closes_and_anchors_lead_somewhere(html):
    page = Page(html)
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.all("a")]
    assert links
    within = [link[1:] for link in links if link.startswith("#")]
    assert set(within) <= set(ids)
    outside = {link.partition("#")[0] for link in links if not link.startswith("#")}
    assert {link for link in outside if not link.startswith("../data/")} == BESIDE


def test_nothing_is_loaded_from_anywhere(html):
    page = Page(html)
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            address = attributes.get(name) or "#"
            assert re.match(r"data:image/|data:,|#|\.\./data/", address) or address.partition("#")[0] in BESIDE
        assert not [name for name in attributes if name.startswith("on")]
    assert page.all("script") == [{}]  # the one that sorts tables
    assert "default-src 'none'" in page.all("meta")[1]["content"]
    assert not re.search(r"@import|url\s*\(", html)
    assert "://" not in html


def test_it_can_be_read_without_seeing_it(html):
    page = Page(html)
    headings = [int(name[1]) for name, _ in page.tags if name in HEADINGS]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(headings))
    assert all(picture["alt"] for picture in page.all("img"))
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))
    for name, attributes in page.tags:
        if name == "svg" and attributes.get("class") not in ("inner", None):
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")


@pytest.mark.parametrize("case", CASES)
def test_the_same_material_gives_the_same_bytes(case):
    assert render(build(**CASES[case])) == render(build(**CASES[case]))


def test_names_are_text_and_nothing_else():
    html = render(build(**CASES["nasty names"]))
    page = Page(html)
    for name in NASTY:
        assert name in page.text
    assert "49" not in re.findall(r"class=\"name\">(\d+)<", html)
    assert html.count("<script") == 1  # of the page itself
    assert 'title=""quoted"' not in html


def test_how_often_test_was_read_is_in_the_header_and_a_warning_above_the_limit():
    page = Page(render(build())).text
    assert "3 results were read from these test pictures until this evaluation" in page
    assert page.index("3 results were read") < page.index("Dot: the figure. Bar: its 95 % interval")
    note = UseNote(finding="30 results were read, more than <25>", advice="report it on new pictures")
    html = render(replace(build(), readings=note))
    assert "warning 30 results were read, more than <25>. Report it on new pictures. colibri summary" in Page(html).text
    assert "<25>" not in html
