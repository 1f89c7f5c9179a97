"""Contracts are abstract, and a finding is judged by its limit."""

import inspect
import math

import pytest

from pipeline.core import contracts, evaluation_contracts
from pipeline.core.results import Finding

NOUNS = [
    noun
    for page in (contracts, evaluation_contracts)
    for noun in vars(page).values()
    if inspect.isclass(noun) and getattr(noun, "__abstractmethods__", None)
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_nouns_cannot_be_built(noun):
    with pytest.raises(TypeError, match="abstract"):
        noun()


def test_every_noun_is_there():
    assert {"Source", "Split", "Check", "Trainer", "Metric", "Gate"} <= {noun.__name__ for noun in NOUNS}


@pytest.mark.parametrize(("value", "passed"), [(1.9, True), (2.0, True), (2.1, False), (math.nan, False)])
def test_a_finding_passes_up_to_and_at_its_limit(value, passed):
    assert Finding(value=value, limit=2.0, unit="things").passed is passed
