"""True shares from predicted ones."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.observations import Observations
from pipeline.monitoring.label_shift import ShiftEstimate, estimate_shares
from pipeline.statistics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(num_resamples=100, seed=0)


def observe(decided: list[str], labels: list[str] | None = None) -> Observations:
    scores = [[0.9, 0.1] if one == "a" else [0.1, 0.9] for one in decided]
    table = pd.DataFrame({"class": decided, "scores": scores, "group": [f"g{row}" for row in range(len(decided))]})
    if labels is not None:
        table["labels"] = [[one] for one in labels]
    return Observations.of_table(table, ["a", "b"])


def test_the_shares_solve_the_confusion_of_val():
    """90 of 100 a and 20 of 100 b are decided a: 55 of 100 decisions for a are half a, half b; 34 are a fifth a."""
    val = observe(["a"] * 90 + ["b"] * 10 + ["a"] * 20 + ["b"] * 80, ["a"] * 100 + ["b"] * 100)
    for decided, true in ((55, 0.5), (34, 0.2), (90, 1.0), (95, 1.0)):
        found = estimate_shares(val, observe(["a"] * decided + ["b"] * (100 - decided)), BOOTSTRAP)
        assert isinstance(found, ShiftEstimate)
        assert found.shares.tolist() == pytest.approx([true, 1 - true], abs=0.02)
        assert (found.low <= found.shares).all()
        assert (found.shares <= found.high).all()
    assert (found.high - found.low)[0] < 0.4


def test_what_cannot_be_estimated():
    few = observe(["a"] * 20 + ["b"] * 9, ["a"] * 20 + ["b"] * 9)
    new = observe(["a"] * 20)
    assert estimate_shares(few, new, BOOTSTRAP) == "b has 9 of the val pictures, 10 are needed"
    blind = observe(["a", "b"] * 20, ["a"] * 20 + ["b"] * 20)
    assert estimate_shares(blind, new, BOOTSTRAP) == "the decisions say too little of the class"


def test_few_groups_have_no_interval():
    val = observe(["a"] * 20 + ["b"] * 20, ["a"] * 20 + ["b"] * 20)
    found = estimate_shares(val, observe(["a", "b", "a"]), BOOTSTRAP)
    assert isinstance(found, ShiftEstimate)
    assert np.isnan(found.low).all()
