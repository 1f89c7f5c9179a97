"""The page of suspects: what a person needs to decide, and the line that says so."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from report_material import NASTY, Page

from pipeline.datasets.label_review import COLUMNS, read_decisions
from pipeline.report.suspects import _line, suspects_page


def suspects(num=3, **changes):
    told = {
        "sample_id": [f"cat/{number}.png" for number in range(num)],
        "previous": "cat",
        "labels": "dog",
        "quality": 0.1,
        "split": "train",
        **changes,
    }
    return pd.DataFrame(told)


def pictures(num, channels=3):
    return np.random.default_rng(0).integers(0, 256, (num, 16, 16, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_stands_over_its_two_labels_and_its_line(channels):
    html = suspects_page("pets", suspects(), pictures(3, channels))
    page = Page(html)
    assert page.open == []
    assert "The model disagrees with 3 labels." in page.text
    assert [one["alt"] for one in page.all("img")] == ["cat/0.png", "cat/1.png", "cat/2.png"]
    assert len({one["src"] for one in page.all("img")}) == 3
    assert page.text.count("is labelled cat") == page.text.count("looks like dog") == 3
    assert "cat/0.png,relabel,cat,dog,,," in page.text
    assert "The worst comes first" in page.text
    assert html == suspects_page("pets", suspects(), pictures(3, channels))


def test_more_than_are_shown():
    page = Page(suspects_page("pets", suspects(5), pictures(2)))
    assert "The model disagrees with 5 labels." in page.text
    assert (
        "The page shows the 2 most suspicious ones, the worst first; reports/label_suspects.csv lists all." in page.text
    )
    assert len(page.all("img")) == 2


def test_one_and_none():
    assert "The model disagrees with 1 label." in Page(suspects_page("pets", suspects(1), pictures(1))).text
    page = Page(suspects_page("pets", suspects(0), pictures(0)))
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
    page = Page(suspects_page("pets", suspects(1, labels=""), pictures(1)))
    assert "looks like no label" in page.text


def test_whatever_labels_and_files_are_called_is_escaped():
    told = suspects(1, sample_id=[NASTY[0]], previous=NASTY[0], labels=NASTY[1])
    html = suspects_page(NASTY[0], told, pictures(1))
    assert "<script" not in html
    assert "://" not in html
    assert Page(html).open == []
    assert "default-src 'none'" in Page(html).all("meta")[1]["content"]
