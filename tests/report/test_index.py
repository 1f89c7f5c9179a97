"""The first page says how far the run has come, and leads to every page that is there."""

import pandas as pd
import pytest
from report_material import NASTY, Page, entry, stored

from pipeline.core import artifacts
from pipeline.core.estimate import write_estimates
from pipeline.report.index import describe_findings, index_page, write_index

CHECK = {"value": 0.9, "limit": 0.7, "unit": "AUC", "worst": {}, "passed": True, "on_fail": "warn"}


@pytest.fixture
def finished(project):
    """What a run leaves that the page reads, and the pages themselves."""
    warned, blind = {**CHECK, "passed": False}, {**CHECK, "passed": False, "state": "cannot_be_judged"}
    artifacts.write_json(artifacts.CHECKS, {"rare_class": CHECK, "shortcut": warned, "drift": blind})
    artifacts.write_json(artifacts.CURATION, {"outliers": CHECK})
    artifacts.write_csv(artifacts.SUSPECTS, pd.DataFrame({"sample_id": ["a", "b"], "model": ["unsure", "confident"]}))
    artifacts.write_json(artifacts.VALIDATION, {"passed": True, "expectations": [{"passed": True}] * 22})
    write_estimates(artifacts.TEST_METRICS, {"accuracy": entry(0.8333, 0.497, 0.982, 372)})
    artifacts.write_json(artifacts.REGISTRATION, {"earlier_data": None})
    artifacts.write_text(artifacts.PREVIEW, "")
    artifacts.write_text(artifacts.MODEL_CARD, "# Model card\n\n* `card.contact`\n* `card.license`\n")
    artifacts.write_text(artifacts.DATA_SHEET, "# Data sheet\n")
    for path in (artifacts.REPORT, artifacts.CHECKS_PAGE, artifacts.CURATION_PAGE, artifacts.SUSPECTS_PAGE):
        artifacts.write_text(path, "")
    return project


def read(page):
    return page.text.replace("\u00a0", " ")


def test_a_finished_run_has_its_result_its_verdict_and_every_page(finished):
    write_index("pets", "register", [("Version", "colibri-pets version 3"), ("Verdict", "champion: gain +0.1")])
    page = Page(artifacts.INDEX.read_text(encoding="utf-8"))
    text = read(page)
    assert page.open == []
    assert text.count("83.3 % accuracy (49.7 to 98.2 %) on 372 test pictures.") == 2
    assert "Verdict" in text
    assert "champion: gain +0.1" in text
    assert "3 checks: 1 passed; 1 warned (shortcut); 1 cannot be judged (drift)." in text
    assert "1 check: 1 passed." in text
    assert "2 labels worth a look; the model is confident of another for 1." in text
    assert "22 tests of the manifest, 0 failures." in text
    assert "No version of earlier data to compare with." in text
    assert "What the model is for, its figures and its limits. 2 texts of a person are missing." in text
    assert "not yet" not in text
    assert [link["href"] for link in page.all("a")] == [
        *("report.html", "checks.html", "curation.html", "label_suspects.html", "comparison.html"),
        *("model_card.md", "data_sheet.md", "preview.png"),
        *("data_docs/index.html", "commands.html"),
    ]


def test_labels_that_cannot_be_judged_are_not_called_right(finished):
    artifacts.write_csv(artifacts.SUSPECTS, pd.DataFrame({"sample_id": [], "model": []}))
    assert "The model agrees with every label." in index_page("pets", "register")
    blind = {**CHECK, "passed": False, "state": "cannot_be_judged"}
    artifacts.write_json(artifacts.CURATION, {"label_suspects": blind})
    page = index_page("pets", "register")
    assert "The labels cannot be judged." in page
    assert "agrees with every label" not in page


def test_what_the_index_says_of_commands_is_no_promise(finished):
    text = read(Page(index_page("pets", "register")))
    assert "whether their inputs have changed since, where that is recorded" in text
    assert "do that after dvc pull, which does not bring it" in text


def test_during_a_run_later_pages_are_called_those_of_an_earlier_one(finished):
    text = read(Page(index_page("pets", "check")))
    assert "The run has not finished." in text
    assert "83.3" not in text
    assert text.count("not yet") == 7  # also before and after, both cards, and the augmentation
    assert text.count("This page is of an earlier run.") == 6  # report, content checks, suspects, cards, augmentation


def test_at_the_first_stage_of_a_first_run_nothing_else_is_read(project):
    artifacts.write_json(artifacts.CHECKS, {})
    artifacts.write_json(artifacts.VALIDATION, {"passed": True, "expectations": []})
    page = Page(index_page("pets", "check"))
    assert "No check was run." in page.text
    assert [link["href"] for link in page.all("a")] == [*("checks.html", "data_docs/index.html", "commands.html")]


def test_what_a_stage_does_not_find_is_not_claimed(project):
    page = Page(index_page("pets", "register"))
    assert page.text.count("not yet") == 9
    assert [link["href"] for link in page.all("a")] == ["commands.html"]


@pytest.mark.parametrize(("stage", "path"), [("check", artifacts.CHECKS), ("curate", artifacts.CURATION)])
def test_a_check_that_stops_the_run_leads_the_page(finished, stage, path):
    artifacts.write_json(path, {"split_leakage": {**CHECK, "passed": False, "on_fail": "error"}})
    text = read(Page(index_page("pets", stage)))
    assert "The run stopped before training: split leakage." in text
    assert "1 check: 0 passed; 1 failed (split leakage)." in text
    assert "The run has not finished." not in text


def test_a_change_of_the_data_is_named(finished):
    artifacts.write_json(artifacts.REGISTRATION, {"earlier_data": {"version": "2"}})
    assert "Compared with version 2, which was trained on the data before a change." in index_page("pets", "register")
    artifacts.write_json(artifacts.REGISTRATION, {"earlier_data": {"version": "2", "reason": "it has other classes"}})
    assert "Not compared with version 2: it has other classes." in index_page("pets", "register")


def test_names_are_escaped(finished):
    html = index_page(NASTY[0], "register", [(NASTY[0], NASTY[1])])
    assert "<script" not in html
    assert NASTY[0] in Page(html).text


def test_no_check_and_no_metric(finished):
    write_estimates(artifacts.TEST_METRICS, {})
    assert "No metric was chosen." in index_page("pets", "evaluate")
    assert describe_findings(stored({})) == ("No check was run.", "")


def test_a_noted_check_is_named_and_is_no_warning():
    noted = {**CHECK, "state": "noted", "note": "Part of the object."}
    text, state = describe_findings(stored({"rare_class": CHECK, "common_background": noted}))
    assert (text, state) == ("2 checks: 1 passed; 1 noted (common background).", "passed")
