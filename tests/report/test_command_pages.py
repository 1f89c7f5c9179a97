"""What commands found after a run: a sentence of each page, and whether it is still of this run."""

import pytest
from report_material import NASTY, Page

from pipeline.core import artifacts
from pipeline.core.page_inputs import digest_inputs
from pipeline.report.command_pages import PAGE, PAGES, REPORTS, write_commands_page


def read(name="pets"):
    write_commands_page(name)
    return Page(PAGE.read_text(encoding="utf-8"))


def make_page(name, answers, inputs):
    artifacts.write_text(REPORTS / f"{name}.html", "")
    artifacts.write_json(REPORTS / f"{name}.json", {"answer": answers, "made_of": digest_inputs(inputs)})


def test_what_was_not_made_is_no_link_and_says_how_it_is_made(project):
    page = read()
    assert page.open == []
    assert [link["href"] for link in page.all("a")] == ["index.html"]
    assert page.text.count("Not made yet.") == len(PAGES) == 6
    assert "colibri label-efficiency makes this page." in page.text


def test_a_page_says_its_first_sentence_and_that_its_inputs_are_the_same(project):
    artifacts.write_json(artifacts.ENCODER / "card.json", {"pretrained": True})
    make_page("label_efficiency", ["Pretraining helped by +3.0 points.", "More."], [artifacts.ENCODER])
    make_page("clusters", ["3 clusters, which go with the label."], [artifacts.MANIFEST])
    page = read()
    assert [link["href"] for link in page.all("a")] == ["index.html", "label_efficiency.html", "clusters.html"]
    assert "Pretraining helped by +3.0 points." in page.text
    assert "More." not in page.text
    assert page.text.count("What it was computed from has not changed since.") == 2
    assert "of an earlier run" not in page.text


def test_a_page_of_an_earlier_run_names_what_changed(project):
    artifacts.write_json(artifacts.ENCODER / "card.json", {"epoch": 1})
    make_page("label_efficiency", ["It helped."], [artifacts.ENCODER, artifacts.CHECKS])
    artifacts.write_json(artifacts.ENCODER / "card.json", {"epoch": 2})
    assert "It is of an earlier run: data/encoder has changed since." in read().text
    artifacts.write_json(artifacts.CHECKS, {})
    text = read().text
    assert "It is of an earlier run: data/encoder, reports/checks.json have changed since." in text
    assert "It helped." in text


def test_a_page_that_does_not_record_its_inputs_is_not_said_to_be_of_this_run(project):
    artifacts.write_text(REPORTS / "leaderboard.html", "")
    text = read().text
    assert "It does not record what it was computed from, so it may be of an earlier run." in text
    assert "has not changed since" not in text


def test_names_are_escaped(project):
    make_page("clusters", [NASTY[1]], [])
    write_commands_page(NASTY[0])
    html = PAGE.read_text(encoding="utf-8")
    assert "<script" not in html
    assert NASTY[1] in Page(html).text


BROKEN = ('{"ans', "", "[1]", "1", '{"answer": null}', '{"answer": "abc"}', '{"answer": [1]}', '{"made_of": ["a"]}')


@pytest.mark.parametrize("text", [*BROKEN, '{"answer": ["They go."], "made_of": {"data/manifest.parquet": 1}}'])
def test_a_broken_file_stops_nothing_and_is_named(project, text):
    make_page("label_efficiency", ["It helped."], [artifacts.MANIFEST])
    make_page("clusters", [], [])
    (REPORTS / "clusters.json").write_text(text)
    page = read()
    assert "reports/clusters.json cannot be read. colibri clusters makes this page anew." in page.text
    assert {"href": "clusters.html"} in page.all("a")
    assert "It helped." in page.text
    assert "They go." not in page.text


def test_inputs_that_cannot_be_read_are_not_said_to_be_the_same(project):
    make_page("clusters", ["They go."], [])
    artifacts.write_json(REPORTS / "clusters.json", {"answer": ["They go."], "made_of": {"x" * 300: ""}})
    assert "It may be of an earlier run: what it was computed from cannot be read (File name too long)." in read().text
