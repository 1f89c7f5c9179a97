"""Tables of pictures as they come: names that are missing, and text where lists or numbers are expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.core.observations import Observations


def test_a_picture_without_a_group_counts_alone_and_the_others_have_their_whole_names() -> None:
    table = pd.DataFrame({"sample_id": ["a", "b", "c"], "group": ["patient1", "patient2", None]})
    found = Observations.of_table(table, ["cat"])
    assert found.groups is not None
    assert found.groups.tolist() == ["patient1", "patient2", "c"]
    numbered = Observations.of_table(table.assign(group=[10.0, np.nan, 12.0]), ["cat"])
    assert numbered.groups is not None
    assert numbered.groups.tolist() == ["10.0", "b", "12.0"]


def test_a_picture_without_a_name_has_that_of_its_row() -> None:
    table = pd.DataFrame({"sample_id": ["first", None, "third"], "group": ["g1", "g2", None]})
    found = Observations.of_table(table, ["cat"])
    assert found.sample_ids.tolist() == ["first", "row 1", "third"]
    assert Observations.of_table(pd.DataFrame({"prop_noise": [0.5, 1]}), ["cat"]).sample_ids.tolist() == ["0", "1"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"labels": ["cat"]}, r"column labels: found the text 'cat', expected a list of labels such as \[\"cat\"\]"),
        ({"scores": [[0.2, 0.8]], "decided": ["dog"]}, "column decided: found the text 'dog', expected a list of labe"),
        ({"scores": ["[0.2, 0.8]"]}, r"column scores: found the text '\[0.2, 0.8\]', expected a list of numbers in"),
        ({"scores": [["low", "high"]]}, r"column scores: expected 2 numbers in each row \(could not convert"),
        ({"prop_noise": ["low"]}, r"column prop_noise: expected a number in each row \(.*'low'\); convert the column"),
    ],
)
def test_text_is_refused_where_a_list_or_a_number_is_expected(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Observations.of_table(pd.DataFrame(columns), ["cat", "dog"])
