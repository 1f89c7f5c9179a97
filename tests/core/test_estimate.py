"""A number with its interval, in JSON and back."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Change, Estimate, read_estimates, write_estimates

ENTRY = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "groups": 5}
KNOWN = Estimate(value=0.5, low=0.4, high=0.6, n=10, groups=5)
NUMBERS = st.none() | st.floats(0, 1)
ESTIMATES = st.builds(
    Estimate,
    value=NUMBERS,
    low=NUMBERS,
    high=NUMBERS,
    n=st.integers(0),
    groups=st.integers(0, 99),
    caveat=st.text(),
    few=st.booleans(),
)


def test_json_names_a_caveat_only_where_there_is_one():
    assert list(KNOWN.to_json().items()) == list(ENTRY.items())
    assert Estimate(**ENTRY, caveat="few").to_json() == {**ENTRY, "caveat": "few"}
    assert Estimate(**ENTRY, few=True).to_json() == {**ENTRY, "few": True}


@given(ESTIMATES)
def test_an_estimate_comes_back_the_same(estimate):
    assert Estimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate


@given(NUMBERS, NUMBERS, NUMBERS, ESTIMATES)
def test_a_change_comes_back_the_same(then, before, after, gain):
    change = Change(by_earlier_labels=then, before=before, after=after, gain=gain)
    entry = json.loads(json.dumps(change.to_json()))
    assert list(entry) == ["by_earlier_labels", "before", "after", "gain"]
    assert Change.from_json(entry) == change


def test_a_row_of_a_table_has_nan_where_there_is_none():
    nan = float("nan")
    row = {"attribute": "site", "value": 0.5, "low": nan, "high": nan, "n": 4.0, "groups": 2.0, "caveat": nan}
    assert Estimate.from_json(row) == Estimate(value=0.5, low=None, high=None, n=4, groups=2)


@pytest.mark.parametrize(("low", "expected"), [(0.4, (0.4, 0.6)), (None, None)])
def test_an_interval_has_both_ends(low, expected):
    assert Estimate(value=0.5, low=low, high=0.6, n=10, groups=5).interval == expected


def test_the_file_keeps_its_bytes(project):
    figures = {"accuracy": KNOWN, "recall/caf\u00e9": Estimate(value=None, low=None, high=None, n=0, groups=0)}
    write_estimates(artifacts.METRICS, figures)
    text = artifacts.METRICS.read_text(encoding="utf-8")
    assert read_estimates(artifacts.METRICS) == figures
    write_estimates(artifacts.METRICS, read_estimates(artifacts.METRICS))
    assert artifacts.METRICS.read_text(encoding="utf-8") == text
    assert text.startswith('{\n  "accuracy": {\n    "value": 0.5,\n    "low": 0.4,')


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "reports/metrics.json: expected an object of estimates, found list; run dvc repro"),
        (
            {"f1": {"value": 1.0}},
            "reports/metrics.json: f1: an estimate needs the key 'low', found value; remove the file and",
        ),
        ({"f1": {}}, "f1: an estimate needs the key 'value', found none"),
        ({"f1": {**ENTRY, "low": "high"}}, "f1: low must be a number or null, got 'high'"),
        ({"f1": {**ENTRY, "value": True}}, "f1: value must be a number or null, got True"),
        ({"f1": 0.5}, "reports/metrics.json: f1: an estimate must be a mapping, got 0.5; remove the file"),
        ({"f1": ["value", "low", "high", "n", "groups"]}, "f1: an estimate must be a mapping, got ['value', 'low'"),
    ],
)
def test_another_file_is_refused_in_one_line(project, found, message):
    artifacts.write_json(artifacts.METRICS, found)
    with pytest.raises(UserError, match=re.escape(message)):
        read_estimates(artifacts.METRICS)


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e999"])
def test_a_number_of_samples_is_finite(project, number):
    artifacts.write_text(artifacts.METRICS, json.dumps({"f1": {**ENTRY, "n": 1}}).replace('"n": 1', f'"n": {number}'))
    with pytest.raises(
        UserError, match=r"^reports/metrics\.json: f1: n and groups must be finite, got -?inf and 5\.0;"
    ):
        read_estimates(artifacts.METRICS)


def test_a_change_without_a_gain_is_refused():
    with pytest.raises(ValueError, match=r"^gain must be an estimate, got None$"):
        Change.from_json({"by_earlier_labels": 0.5, "before": 0.5, "after": 0.5})
