"""The page of suspects: what a person needs to decide, and the line that says so."""

import base64
import csv
import hashlib
import html as html_module
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_material import NASTY, Page, read_dom

from pipeline.datasets.label_decisions import COLUMNS, read_decisions
from pipeline.report.suspects import _line, suspects_page


def suspects(num=3, **changes):
    told = {
        "sample_id": [f"cat/{number}.png" for number in range(num)],
        "previous": "cat",
        "labels": "dog",
        "quality": 0.1,
        "p_suggested": 0.85,
        "model": "confident",
        "split": "train",
        **changes,
    }
    return pd.DataFrame(told)


def pictures(num, channels=3, names=None):
    shades = np.random.default_rng(0).integers(0, 256, (num, 16, 16, channels), dtype=np.uint8)
    return dict(zip(names or [f"cat/{number}.png" for number in range(num)], shades, strict=True))


def make_page(name, table, images, links=None):
    return suspects_page(name, table, images, links or {}, Path("data/label_decisions/pets.csv"))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_stands_over_its_two_labels_and_its_line(channels):
    html = make_page("pets", suspects(), pictures(3, channels))
    page = Page(html)
    assert page.open == []
    assert "3 labels worth a look." in page.text
    assert [one["title"] for one in page.all("img")] == ["cat/0.png", "cat/1.png", "cat/2.png"]
    assert len({one["src"] for one in page.all("img")}) == 3
    assert page.text.count("is labelled cat (10.0 %)") == page.text.count("looks like dog (85.0 %)") == 3
    assert "cat/0.png,relabel,cat,dog,,," in page.text
    assert "The worst comes first" in page.text
    assert html == make_page("pets", suspects(), pictures(3, channels))


def test_what_the_model_is_unsure_of_comes_after_what_it_is_confident_of():
    certainty = ["unsure", "confident", "unsure"]
    html = make_page("pets", suspects(3, model=certainty), pictures(3))
    page = Page(html)
    assert [one["title"] for one in page.all("img")] == ["cat/1.png", "cat/0.png", "cat/2.png"]
    headings = ("The model is confident of another label: 1", "The model is unsure: 2")
    assert [page.text.count(one) for one in headings] == [1, 1]
    assert page.text.index(headings[0]) < page.text.index(headings[1])
    radios = [one["name"] for one in page.all("input") if one.get("type") == "radio"]
    assert len(set(radios)) == 3
    assert "are shown" not in page.text
    assert "The model is unsure" not in Page(make_page("pets", suspects(3), pictures(3))).text


def test_a_part_says_how_much_of_it_is_shown():
    certainty = ["unsure"] * 101 + ["confident"]
    text = Page(make_page("pets", suspects(102, model=certainty), pictures(100))).text
    assert "The model is confident of another label: 1" in text
    assert "None of them is among those that the page shows." in text
    assert "The model is unsure: 101" in text
    assert "The first 100 are shown." in text


def test_more_than_are_shown():
    page = Page(make_page("pets", suspects(102), pictures(102)))
    assert "102 labels worth a look." in page.text
    assert (
        "The page shows the 100 most suspicious ones, the worst first; reports/label_suspects.csv lists all."
        in page.text
    )
    assert len(page.all("img")) == 100


def test_one_and_none():
    assert "1 label worth a look." in Page(make_page("pets", suspects(1), pictures(1))).text
    page = Page(make_page("pets", suspects(0), pictures(0)))
    assert "The model agrees with every label." in page.text
    assert page.all("img") == []


@pytest.mark.parametrize("name", [*NASTY, "a,b", 'say "cat"', "two\nlines", "a|b"])
def test_the_line_can_be_pasted_into_the_decisions(name, tmp_path):
    line = _line({"sample_id": name, "previous": "cat", "labels": "dog"})
    assert line.endswith(",,,")
    path = tmp_path / "decisions.csv"
    path.write_text(f"{','.join(COLUMNS)}\n{line.removesuffix(',,,')},Ann,2026-11-24,barks\n", encoding="utf-8")
    (found,) = read_decisions(path)
    assert (found.sample_id, found.action, found.previous, found.labels) == (name, "relabel", ["cat"], ["dog"])


def test_where_no_label_fits_there_is_nothing_to_relabel_with():
    (cells,) = csv.reader(io.StringIO(_line({"sample_id": "a", "previous": "cat", "labels": ""})))
    assert cells == ["a", "drop", "cat", "", "", "", ""]
    page = Page(make_page("pets", suspects(1, labels=""), pictures(1)))
    assert "looks like no label" in page.text


def test_a_picture_that_cannot_be_read_is_named():
    page = Page(make_page("pets", suspects(2), pictures(1)))
    assert len(page.all("img")) == 1
    assert page.text.count("cat/1.png") >= 1


def test_a_name_leads_to_its_file():
    page = Page(make_page("pets", suspects(1), pictures(1), {"cat/0.png": "../data/cat/0.png"}))
    assert [one["href"] for one in page.all("a")] == ["index.html", "../data/cat/0.png"]


def test_whatever_labels_and_files_are_called_is_escaped():
    told = suspects(1, sample_id=[NASTY[0]], previous=NASTY[0], labels=NASTY[1])
    html = make_page(NASTY[0], told, pictures(1, names=[NASTY[0]]))
    assert html.count("<script") == 1
    assert "://" not in html
    page = Page(html)
    assert page.open == []
    assert [one["data-sample"] for one in page.all("fieldset")] == [NASTY[0]]
    assert [one["data-previous"] for one in page.all("fieldset")] == [NASTY[0]]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_only_the_script_of_the_page_may_run():
    html = make_page("pets", suspects(), pictures(3))
    policy = Page(html).all("meta")[1]["content"]
    script = html.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert len(script.splitlines()) <= 40
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|eval|document\.write|fetch", script)


def test_without_suspects_no_script_may_run():
    html = make_page("pets", suspects(0), {})
    assert "<script" not in html
    assert "script-src" not in html


def test_each_picture_has_three_choices_and_the_labels_as_the_file_takes_them():
    table = suspects(2, previous="a\\|b", labels=["cat", ""])
    page = Page(make_page("pets", table, pictures(2)))
    radios = [one for one in page.all("input") if one.get("type") == "radio"]
    assert [one["value"] for one in radios] == ["keep", "relabel", "drop"] * 2
    assert len({one["name"] for one in radios}) == 2
    assert [one["value"] for one in page.all("input") if one.get("class") == "labels"] == ["cat", ""]
    assert [one["value"] for one in page.all("option")] == ["a\\|b", "cat"]
    assert (
        "data/label_decisions/pets.csv, whose first line is sample_id,action,previous,labels,who,when,why" in page.text
    )


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser")
def test_a_browser_writes_lines_that_the_pipeline_reads(tmp_path):
    names = ["cat/a, b.png", 'say "cat".png', "cat/2.png", "cat/3.png"]
    html = make_page("pets", suspects(4, sample_id=names), pictures(4, names=names))
    clicks = """<script>
      const by = (id) => document.getElementById(id), sets = document.querySelectorAll("fieldset");
      const choose = (row, value) => sets[row].querySelector(`[value=${value}]`).click();
      by("who").value = "Ann, B."; by("when").value = "2026-11-24";
      choose(0, "keep"); choose(1, "relabel"); choose(2, "drop");
      document.title = JSON.stringify([by("lines").value, by("count").textContent]);
    </script>"""
    policy = re.compile("<meta http-equiv[^>]*>")  # which lets no other script run, as the next lines show
    path, driven = tmp_path / "page.html", tmp_path / "driven.html"
    path.write_text(html.replace("</body>", f"{clicks}</body>"), encoding="utf-8")
    driven.write_text(policy.sub("", html).replace("</body>", f"{clicks}</body>"), encoding="utf-8")
    assert "<title>Label suspects: pets</title>" in read_dom(path, tmp_path)
    title = html_module.unescape(re.search("<title>(.*?)</title>", read_dom(driven, tmp_path), re.DOTALL).group(1))
    lines, count = json.loads(title)
    assert count == "3"
    decisions = tmp_path / "decisions.csv"
    decisions.write_text(f"{','.join(COLUMNS)}\n{lines}", encoding="utf-8")
    found = read_decisions(decisions)
    assert [(one.sample_id, one.action, one.previous, one.labels) for one in found] == [
        (names[0], "keep", ["cat"], []),
        (names[1], "relabel", ["cat"], ["dog"]),
        (names[2], "drop", ["cat"], []),
    ]
    assert {(one.who, one.when, one.why) for one in found} == {("Ann, B.", "2026-11-24", "looked at the picture")}


def test_where_labels_cannot_be_judged_the_page_says_why_and_not_that_all_are_right():
    table, where = suspects().head(0), Path("data/label_decisions/pets.csv")
    page = Page(
        suspects_page("pets", table, {}, {}, where, "The features tell the classes apart no better than chance.")
    )
    assert page.open == []
    assert "The labels cannot be judged. The features tell the classes apart no better" in " ".join(page.text.split())
    assert "agrees with every label" not in page.text
    assert "agrees with every label" in Page(suspects_page("pets", table, {}, {}, where)).text
