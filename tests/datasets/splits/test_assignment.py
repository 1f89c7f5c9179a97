"""Units go whole to the split that needs them most; what was assigned before stays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.datasets.splits import assignment
from pipeline.datasets.splits.assignment import assign, check_fractions, strata_of

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}


def assigned(labels, units, recorded=None, seed=0, fractions=FRACTIONS):
    """The splits of samples 0, 1, ...; each label is one stratum, '' is none."""
    index = [str(position) for position in range(len(labels))]
    strata = pd.Series([[one] if one else [] for one in labels], index=index)
    before = pd.Series(recorded or {}, dtype="str").reindex(index)
    return assign(strata, pd.Series(list(units), index=index), fractions, seed, before)


@pytest.mark.parametrize(
    "units",
    ["aaaaaabbcc", "ccaabbaaaa", "abcdefghij"],
)
def test_fractions_are_met_when_units_allow(units):
    # 6, 2 and 2 of 10: the unit of six costs train 6 (2 (0 - 6) + 6) / 6 = -6 and the others 6 (2 (0 - 2) + 6) / 2 = 6
    assert assigned("x" * 10, units).value_counts().to_dict() == {"train": 6, "val": 2, "test": 2}


def test_every_stratum_is_even():
    splits = assigned("xy" * 10, [f"u{number}" for number in range(20)])
    table = pd.crosstab(np.array(list("xy" * 10)), splits.to_numpy())
    assert table.to_dict() == {"train": {"x": 6, "y": 6}, "val": {"x": 2, "y": 2}, "test": {"x": 2, "y": 2}}


def test_blocks_of_units_change_nothing(monkeypatch):
    units = [f"u{number % 37}" for number in range(200)]
    whole = assigned("xyxz" * 50, units)
    monkeypatch.setattr(assignment, "BLOCK_CELLS", 20)  # of 37 units with four columns each
    assert assigned("xyxz" * 50, units).equals(whole)


def test_units_stay_whole():
    units = np.repeat(list("abcdefgh"), [9, 1, 5, 3, 3, 2, 4, 1])
    splits = assigned("x" * len(units), units)
    assert splits.groupby(units).nunique().max() == 1


def test_a_sample_without_a_stratum_takes_part_in_no_split():
    splits = assigned([*("x" * 10), ""], "abcdefghijj")
    assert splits.iloc[-1] == "none"
    assert splits.iloc[:-1].isin(FRACTIONS).all()


def test_recorded_units_keep_their_split_and_count_first():
    recorded = {"0": "test", "1": "test", "2": "val", "3": "val"}
    splits = assigned("x" * 10, "abcdefghij", recorded)
    assert splits.iloc[:4].tolist() == ["test", "test", "val", "val"]
    assert splits.iloc[4:].tolist() == ["train"] * 6


def test_a_new_member_follows_its_unit():
    assert assigned("x" * 10, "aaaaaaaaaa", {"3": "test"}).tolist() == ["test"] * 10


def test_members_recorded_in_different_splits_are_torn():
    message = r"group 'g' belong together now but were assigned before: '1' and others to \['test', 'train'\]; undo"
    with pytest.raises(UserError, match=message):
        assigned("xxx", "agg", {"0": "val", "1": "train", "2": "test"})


def test_the_seed_decides_among_equals():
    drawn = {tuple(assigned("x" * 10, "abcdefghij", seed=seed)) for seed in range(5)}
    assert len(drawn) > 1
    assert tuple(assigned("x" * 10, "abcdefghij", seed=3)) in drawn


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcdefghij")), min_size=10),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter(samples, random):
    index = [str(position) for position in range(len(samples))]
    table = pd.DataFrame({"strata": [[x] for x, _ in samples], "units": [u for _, u in samples]}, index=index)

    def split(rows):
        return assign(rows["strata"], rows["units"], FRACTIONS, 0, pd.Series(index=rows.index, dtype="str"))

    shuffled = random.sample(index, len(index))
    assert split(table).to_dict() == split(table.loc[shuffled]).to_dict()


def several(labels, fractions=FRACTIONS):
    """Samples of each label in each split; every sample may go anywhere."""
    index = [f"{position:03d}" for position in range(len(labels))]
    strata = pd.Series([[f"label {name}" for name in names] for names in labels], index=index)
    splits = assign(strata, pd.Series(index, index=index), fractions, 0, pd.Series(index=index, dtype="str"))
    exploded = pd.Series(labels, index=index).explode()
    return pd.crosstab(exploded.to_numpy(), splits.loc[exploded.index].to_numpy())


def test_several_labels_are_each_even():
    # 30 samples of a, 20 of b, 10 of c; half of b and all of c on samples of a
    labels = [["a", "c"]] * 10 + [["a", "b"]] * 10 + [["a"]] * 10 + [["b"]] * 10
    assert several(labels).to_dict() == {
        "train": {"a": 18, "b": 12, "c": 6},
        "val": {"a": 6, "b": 4, "c": 2},
        "test": {"a": 6, "b": 4, "c": 2},
    }


@settings(max_examples=40)
@given(st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=20, max_size=80))
def test_several_labels_deviate_by_few_samples(samples):
    """No split has a label more than two samples oftener or rarer than it should, also where a label is rare."""
    table = several([sorted(names) for names in samples]).reindex(columns=list(FRACTIONS), fill_value=0)
    wanted = table.sum(axis=1).to_numpy()[:, None] * np.array([list(FRACTIONS.values())])
    assert np.abs(table.to_numpy() - wanted).max() <= 2


def test_strata_are_labels_and_labels_within_attributes_of_few_values(make_manifest):
    manifest = make_manifest([["x", "y"], ["x"], []], attr_site=["A", "B", "A"], attr_serial=["1", "2", "3"])
    assert strata_of(manifest, 2).tolist() == [
        ["label x", "label y", "label x, attr_site A", "label y, attr_site A"],
        ["label x", "label x, attr_site B"],
        [],
    ]
    assert strata_of(manifest, 0).tolist() == [["label x", "label y"], ["label x"], []]


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"train": 0.8, "test": 0.2}, r"must name exactly \['train', 'val', 'test'\], got \['train', 'test'\]"),
        ({"train": 0.8, "val": 0.1, "tset": 0.1}, r"must name exactly"),
        ({"train": 0.8, "val": 0.2, "test": 0.0}, r"must each be above 0 and sum to 1"),
        ({"train": 0.8, "val": 0.1, "test": 0.2}, r"must each be above 0 and sum to 1"),
    ],
)
def test_refused_fractions(fractions, message):
    with pytest.raises(ValueError, match=rf"^fractions {message}"):
        check_fractions(fractions)
