"""The section on suspected properties says what the stage found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from report_material import NASTY, Page, build, counterfactuals

from pipeline.core.errors import UserError
from pipeline.evaluation.counterfactual_results import Counterfactuals
from pipeline.evaluation.counterfactual_text import Verdict
from pipeline.report.interventions import interventions, read_counterfactuals
from pipeline.report.page import render


def test_what_the_model_follows_comes_first():
    section = interventions(counterfactuals("cat"))
    assert [(one.title, one.state) for one in section.rendered] == [
        ("brightness", "follows"),
        ("sharpness", "not shown"),
    ]
    assert [one.title for one in section.others] == ["num bytes"]
    assert section.followed_properties == ["brightness"]
    (views,) = section.rendered[0].examples
    assert [(view.title, view.decided, view.moved) for view in views] == [
        ("before", True, False),
        ("after", False, True),
        ("control", True, False),
    ]
    assert all(view.picture.uri.startswith("data:image/png") for view in views)


def test_the_outer_part_alone_has_a_verdict_of_its_own():
    found = counterfactuals("cat")
    outer = Verdict(state="follows", sentence="The model decides on cat by the outer part alone: <90 %.")
    first, *others = found.results
    results = [replace(first, intervention="border", outer=outer), *others]
    material = replace(build(), counterfactuals=replace(found, results=results))
    assert interventions(material.counterfactuals).followed_properties == [
        "brightness",
        "the outer part alone (border)",
    ]
    text = Page(render(material)).text
    assert "Outer part alone: follows. The model decides on cat by the outer part alone: <90 %." in text
    assert "The figure without the outer part has no verdict" in text
    again = Counterfactuals.from_json(
        json.loads(json.dumps(material.counterfactuals.to_json())), material.counterfactuals.pictures
    )
    assert again.results[0].outer == outer
    assert again.results[1].outer is None


def test_the_page_shows_figures_and_what_cannot_be_judged():
    text = Page(render(build())).text
    assert "The check shortcut suspects 3 properties. The model follows brightness." in text
    assert "brightness, exposure: follows" in text
    assert "+40.0 points" in text
    assert "Whether the model follows num bytes cannot be judged: no intervention in params.yaml changes it." in text
    assert "this page has 2." in text


def test_without_a_suspicion_there_is_one_line():
    page = render(replace(build(), counterfactuals=Counterfactuals(note="Nothing was tested: no suspicion.")))
    section = page[page.index('<section id="interventions">') :]
    section = section[: section.index("</section>")]
    assert "Nothing was tested: no suspicion." in section
    assert "<table" not in section


def test_if_none_could_be_tested_the_page_says_so():
    others = replace(counterfactuals("cat"), results=counterfactuals("cat").results[2:])
    assert "None of them could be tested." in Page(render(replace(build(), counterfactuals=others))).text


def test_names_are_escaped():
    page = render(replace(build(), counterfactuals=counterfactuals(NASTY[0])))
    assert NASTY[0] not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_was_written_is_read(tmp_path):
    found = counterfactuals("cat")
    path, pictures = tmp_path / "interventions.json", tmp_path / "interventions.npy"
    path.write_text(json.dumps(found.to_json()))
    with pytest.raises(UserError, match=r"interventions.npy does not exist; run dvc repro, which makes it$"):
        read_counterfactuals(path, pictures)
    np.save(pictures, found.pictures)
    assert read_counterfactuals(path, pictures).to_json() == found.to_json()
    np.save(pictures, found.pictures[:0])
    with pytest.raises(UserError, match=r"not the results of intervene \(.*\); remove it and run dvc repro$"):
        read_counterfactuals(path, pictures)
