"""What checks found, as it is kept and as it ends a run."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.check_runner import (
    bound_finding,
    report_failures,
    store_findings,
)
from pipeline.checks.missing_class import MissingClass
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, MAX_STRIPS, MAX_WORST, Finding, StoredFinding, read_findings

WARN, STOP = MissingClass(on_fail="warn"), MissingClass(on_fail="error")


def finding_to_json(check, finding):
    return bound_finding(check, finding).to_json()


numbers = st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans())


def test_an_entry_by_hand():
    finding = Finding(value=2.0, limit=1.0, unit="things", worst={"a": 1}, table=[{"x": 0.5}])
    assert finding_to_json(STOP, finding) == {
        "question": "Does a split lack a class?",
        "value": 2.0,
        "limit": 1.0,
        "unit": "things",
        "worst": {"a": 1},
        "advice": "",
        "sentence": "",
        "pictures": {},
        "table": [{"x": 0.5}],
        "num_rows": 1,
        "obstacle": "",
        "note": "",
        "state": "failed",
        "passed": False,
        "on_fail": "error",
    }


def test_a_finding_with_a_note_is_no_warning(capsys):
    finding = Finding(value=2.0, limit=1.0, unit="things", sentence="Two.", note="The data are like that.")
    entry = finding_to_json(WARN, finding)
    assert (entry["state"], entry["passed"], entry["note"]) == ("noted", True, "The data are like that.")
    assert entry["sentence"] == "Two. The data are like that."
    report_failures("check", artifacts.CHECKS_PAGE, {"one": WARN, "two": STOP}, {"one": finding, "two": finding})
    assert capsys.readouterr() == ("", "")
    within = Finding(value=1.0, limit=1.0, unit="things", note="The data are like that.")
    assert (within.state, finding_to_json(WARN, within)["note"]) == ("passed", "")
    assert Finding(value=math.nan, limit=1.0, unit="things", note="x").state == "failed"


told = st.dictionaries(st.text(max_size=3), numbers, max_size=3)


@given(value=st.floats(), worst=told, rows=st.lists(told, max_size=3))
def test_whatever_is_measured_can_be_written_as_json(value, worst, rows):
    finding = Finding(value=value, limit=1.0, unit="things", worst=worst, table=rows)
    kept = finding_to_json(WARN, finding)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    assert kept["value"] == (value if math.isfinite(value) else None)
    assert kept["passed"] is finding.passed


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_null_wherever_it_stands(value):
    row = {"numpy": np.float32(value), "list": [value, (1.0, value)], "array": np.array([value, 2.0])}
    kept = finding_to_json(WARN, Finding(value=value, limit=1.0, unit="x", worst={"a": value}, table=[row]))
    assert (kept["value"], kept["worst"]) == (None, {"a": None})
    assert kept["table"] == [{"numpy": None, "list": [None, [1.0, None]], "array": [None, 2.0]}]


def test_findings_on_a_million_samples_stay_readable():
    names = [f"s{number}" for number in range(10_000)]
    finding = Finding(
        value=1.0,
        limit=0.0,
        unit="samples",
        worst=dict.fromkeys(names, 1),
        pictures=dict.fromkeys(names, names),
        table=[{"sample": name} for name in names],
    )
    kept = finding_to_json(WARN, finding)
    assert list(kept["worst"]) == names[:MAX_WORST]
    assert kept["pictures"] == dict.fromkeys(names[:MAX_STRIPS], names[:MAX_IN_STRIP])
    assert (len(kept["table"]), kept["num_rows"]) == (MAX_ROWS, 10_000)
    assert len(json.dumps(kept)) < 20_000


def test_every_finding_is_written_in_order(project):
    good, bad = Finding(value=0.0, limit=1.0, unit="x"), Finding(value=2.0, limit=1.0, unit="x")
    stored = store_findings({"b": STOP, "a": WARN}, {"b": good, "a": bad}, artifacts.CHECKS)
    assert [(name, one.passed, one.on_fail) for name, one in stored.items()] == [
        ("b", True, "error"),
        ("a", False, "warn"),
    ]
    assert read_findings(artifacts.CHECKS) == stored


ENTRY = {"value": 2.0, "limit": 1.0, "unit": "x", "worst": {}, "passed": False}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], r"^reports/checks\.json: not the findings of checks \(.*\); remove it and run dvc repro$"),
        (
            {"x": {"value": 1}},
            r"checks\.json: not the findings of checks \(a finding needs the key 'limit', found value\)",
        ),
        ({"x": {}}, r"a finding needs the key 'value', found nothing"),
        ({"x": 3}, r"^reports/checks\.json: not the findings of checks"),
        (
            {"x": {**ENTRY, "state": "foo"}},
            r"\(state must be 'passed', 'noted', 'failed' or 'cannot_be_judged', got 'foo'\)",
        ),
        ({"x": {**ENTRY, "passed": "no"}}, r"\(passed must be .*, got 'no'\)"),
        ({"x": {**ENTRY, "worst": 3}}, r"\(worst must be .*, got 3\)"),
        ({"x": {**ENTRY, "value": "much"}}, r"\(value must be .*, got 'much'\)"),
    ],
)
def test_another_file_is_refused_in_one_line(project, found, message):
    artifacts.write_json(artifacts.CHECKS, found)
    with pytest.raises(UserError, match=message):
        read_findings(artifacts.CHECKS)


def test_a_finding_of_an_earlier_colibri_has_no_state():
    assert StoredFinding.from_json(ENTRY).state == "failed"
    assert StoredFinding.from_json({**ENTRY, "passed": True}).state == "passed"


def test_only_an_error_that_failed_stops(tmp_path, capsys):
    good, bad = Finding(value=0.0, limit=1.0, unit="x"), Finding(value=2.0, limit=1.0, unit="x")
    page = tmp_path / "page.html"
    report_failures("check", page, {"a": STOP, "b": WARN}, {"a": good, "b": bad})
    warning = f"check: warning, b: 2 x, at most 1 accepted\n  -> Look at it: {page}#b\n"
    assert capsys.readouterr().err == warning
    with pytest.raises(UserError, match=r"^stopped by a: 2 x, at most 1 accepted \(also failed: c\)$") as caught:
        report_failures("check", page, {"a": STOP, "b": WARN, "c": STOP}, {"a": bad, "b": bad, "c": bad})
    assert caught.value.details == (
        f"  -> Look at it: {page}#a",
        "  Then run again. Or train all the same:",
        "  colibri run check.a.on_fail=warn",
    )


def test_a_check_says_error_or_warn():
    node = {"_target_": "pipeline.checks.missing_class.MissingClass", "on_fail": "never"}
    with pytest.raises(UserError, match=r"^params\.yaml: check\.one\.on_fail must be 'error' or 'warn', got 'never'$"):
        config.build_all({"check": {"one": node}}, "check")


def test_what_could_not_have_fired_has_not_passed(tmp_path, capsys):
    blind = Finding(value=0.0, limit=1.0, unit="x", obstacle="Test has one group; give more groups.")
    fired = Finding(value=2.0, limit=1.0, unit="x", obstacle="Test has one group.")
    assert (blind.state, blind.passed) == ("cannot_be_judged", False)
    assert (fired.state, fired.passed) == ("failed", False)
    kept = finding_to_json(WARN, blind)
    assert (kept["state"], kept["passed"], kept["obstacle"]) == ("cannot_be_judged", False, blind.obstacle)
    page = tmp_path / "page.html"
    report_failures("check", page, {"a": WARN}, {"a": blind})
    warning = "check: warning, a cannot be judged: Test has one group\n"
    assert capsys.readouterr().err.startswith(warning)
    with pytest.raises(UserError, match=r"^stopped by a cannot be judged: Test has one group$"):
        report_failures("check", page, {"a": STOP}, {"a": blind})
    with pytest.raises(UserError, match=r"^stopped by a: 2 x, at most 1 accepted \(also cannot be judged: b\)$"):
        report_failures("check", page, {"a": STOP, "b": STOP}, {"a": fired, "b": blind})
