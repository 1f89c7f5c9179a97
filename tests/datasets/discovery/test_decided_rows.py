"""What people decided on a data set counts when it is looked at again."""

import pandas as pd
import pytest

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.discovery.decided_rows import with_decisions
from pipeline.datasets.label_decisions import LabelDecision, append_decisions

MORE = {"previous": [], "who": "Ada", "when": "2026-11-30", "why": "looked"}


def rows(*paths, refused=None):
    table = pd.DataFrame({"path": paths, "labels": [[] for _ in paths], "group": None})
    return table if refused is None else table.assign(refused=refused, detail="x")


def test_labels_are_counted_and_dropped_rows_are_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = rows("a", "b", "c", "d", refused=[None, None, None, "missing"])
    assert with_decisions(table, "things")[1] == 0
    lines = [
        LabelDecision(sample_id="a", action="label", labels=["cat"], batch="margin/1", **MORE),
        LabelDecision(sample_id="b", action="drop", **MORE),
    ]
    append_decisions(artifacts.decisions_file("things"), lines)
    found, number = with_decisions(table, "things")
    assert number == 2
    assert dict(zip(found["path"], found["labels"], strict=True)) == {"a": ["cat"], "c": [], "d": []}
    assert found["refused"].tolist()[-1] == "missing"
    with pytest.raises(UserError, match="the source names no usable sample 'a'"):
        with_decisions(rows("x"), "things")
