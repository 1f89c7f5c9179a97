"""How strongly two labels go together."""

import numpy as np
import pandas as pd
import pytest
from file_options import from_file
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats.contingency import association as cramer

from pipeline.checks.co_occurrence import CoOccurrence
from pipeline.statistics.co_occurrence import association, count_together

CHECK = CoOccurrence(max_association=0.8, on_fail="warn")
SPLIT = ["train", "val", "test", "train"]


def found(make_manifest, labels, **columns):
    return CHECK(make_manifest(labels, **{"split": (SPLIT * len(labels))[: len(labels)], **columns}))


def test_counts_by_hand():
    counts = count_together([["a", "b"], ["b"], [], ["a", "b", "c"]], ["a", "b", "c"])
    assert counts.tolist() == [[2, 2, 1], [2, 3, 1], [1, 1, 1]]
    assert count_together([], ["a"]).tolist() == [[0]]


def test_association_by_hand():
    # 10 samples, a on 5 of them and b on 4 of these: phi = (10 x 4 - 5 x 4) / sqrt(5 x 5 x 4 x 6) = 0.816
    counts = np.array([[5, 4], [4, 4]])
    phi2 = 20**2 / (5 * 5 * 4 * 6)
    assert association(counts, 10)[0, 1] == pytest.approx(np.sqrt((phi2 - 1 / 9) / (1 - 1 / 9)))


def test_two_labels_that_always_come_together(make_manifest):
    finding = found(make_manifest, [["a", "b"], ["a", "b"], ["c"], ["c"], ["a", "b"], ["c"]])
    assert finding.value == pytest.approx(1)
    assert not finding.passed
    assert finding.worst == {"a with b": "1.00, both on 3 samples"}


def test_one_label_each_is_no_association(make_manifest):
    for labels in ("ab" * 10, "abc" * 5, "a" * 6):
        finding = found(make_manifest, labels)
        assert (finding.value, finding.passed, finding.worst) == (0.0, True, {})


def test_labels_that_everybody_or_nobody_has_go_with_none(make_manifest):
    assert found(make_manifest, [["a", "b"], ["a"], ["a", "b"], ["a"]]).value == 0
    assert found(make_manifest, [[], []]).value == 0


def test_samples_in_no_split_do_not_count(make_manifest):
    labels = [["a", "b"], ["a", "b"], ["a"], ["b"], ["c"], ["c"], ["c"]]
    split = ["none", "none", "train", "train", "val", "test", "train"]
    assert found(make_manifest, labels, split=split).value == 0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=60))
def test_it_is_cramers_v_less_what_chance_gives(rows):
    has = np.array(rows)
    counts = count_together(
        [[name for name, there in zip("ab", row, strict=True) if there] for row in rows], ["a", "b"]
    )
    value = association(counts, len(rows))[0, 1]
    assert 0 <= value <= 1 + 1e-12
    table = pd.crosstab(has[:, 0], has[:, 1]).to_numpy()
    if table.shape != (2, 2):
        assert value == 0
        return
    v = cramer(table, method="cramer", correction=False)
    if table[0, 0] * table[1, 1] <= table[0, 1] * table[1, 0]:
        assert value == 0
    else:
        n = len(rows)
        assert value == pytest.approx(np.sqrt(max(0, v**2 - 1 / (n - 1)) / (1 - 1 / (n - 1))), abs=1e-6)


@pytest.mark.parametrize("limit", [-0.1, 1.1, float("nan")])
def test_the_limit_is_a_share(limit):
    with pytest.raises(ValueError, match=r"^max_association must be (0 to 1|a finite number), got"):
        from_file(CoOccurrence, max_association=limit, on_fail="warn")
