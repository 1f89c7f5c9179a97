"""Processes of one test run collect the same tests."""

import time

import pytest


@pytest.mark.parametrize("data", [time.time_ns().to_bytes(8, "big")])
def test_bytes_name_no_test(request, data):
    assert request.node.name == "test_bytes_name_no_test[data]"
    assert len(data) == 8


@pytest.mark.parametrize("text", ["x" * 1000, "short"])
def test_a_long_text_names_no_test(request, text):
    assert request.node.callspec.id == ("text" if len(text) > 120 else text)
