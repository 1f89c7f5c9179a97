"""Pictures without a label are pooled, but none that has anything to do with a picture of val or test."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.near_duplicates.groups import add_duplicate_group, connected_groups
from pipeline.datasets.splits.grouped import Grouped
from pipeline.datasets.splits.random import Random
from pipeline.datasets.unlabelled_pool import PoolCounts, pool_unlabelled

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
NO_PAIRS = pd.DataFrame({"left": [], "right": []}, dtype="str")
SPLIT = Grouped(fractions=FRACTIONS, max_attribute_values=0, near_duplicate_bits=2, seed=0)
RANDOM = Random(fractions=FRACTIONS, max_attribute_values=0, seed=0)
LABELS = ["a", "b", "a", [], [], []]  # train, val, test, and three without a label
SPLITS = ["train", "val", "test", "none", "none", "none"]


@pytest.fixture
def pool(make_manifest):
    """The splits of the three pictures without a label, and the counts."""

    def run(rule=SPLIT, pairs=(), splits=SPLITS, **columns):
        manifest = make_manifest(LABELS, **columns)
        table = pd.DataFrame({"sample_id": manifest["sample_id"], "split": splits, "group": manifest["sample_id"]})
        pairs = pd.DataFrame(pairs, columns=["left", "right"]) if pairs else NO_PAIRS
        found, counts = pool_unlabelled(rule, manifest, pairs, table.astype("str"))
        assert found["split"].tolist()[:3] == splits[:3]
        assert list(found) == ["sample_id", "split", "group"]
        return found["split"].tolist()[3:], counts

    return run


def test_what_has_nothing_to_do_with_another_picture_is_pooled(pool):
    assert pool() == (["pool"] * 3, PoolCounts(pool=3))
    assert PoolCounts(pool=3).sentence == ""


@pytest.mark.parametrize(
    "columns",
    [
        {"group": [None, "g", None, "g", None, None]},
        {"content_hash": ["t", "v", "e", "v", "x", "y"]},
        {"perceptual_hash": [f"{number:016x}" for number in (0xFF, 0, 0xFF00, 0b11, 0xFF0000, 0xFF000000)]},
        {"pairs": [("s01", "s03")]},
    ],
)
def test_what_belongs_together_with_val_takes_part_in_nothing(pool, columns):
    found, counts = pool(**columns)
    assert found == ["none", "pool", "pool"]
    assert counts == PoolCounts(pool=2, like_held_out=1)
    assert counts.sentence == (
        "of the pictures without a label in neither the pool nor a split: 1 belong together with pictures of val or "
        "test"
    )


def test_what_belongs_together_with_train_is_pooled(pool):
    assert pool(group=["g", None, None, "g", None, None])[0] == ["pool"] * 3


def test_a_chain_counts_also_through_other_pictures_without_a_label(pool):
    group = [None, None, "g", "g", "h", None]
    assert pool(group=group, content_hash=["t", "v", "e", "x", "x", "y"])[0] == ["none", "none", "pool"]


def test_a_rule_that_ignores_groups_pools_no_picture_of_a_group_of_test(pool):
    group = ["g", None, "g", "g", None, None]
    assert pool(RANDOM, group=group)[0] == ["none", "pool", "pool"]


def test_a_rule_that_compares_no_hashes_pools_no_near_duplicate_of_test(pool):
    hashes = [f"{number:016x}" for number in (0, 0xFF, 0xFF00, 0b11, 0xFF0000, 0xFF000000)]
    found, counts = pool(RANDOM, splits=["test", "train", "val", "none", "none", "none"], perceptual_hash=hashes)
    assert (found, counts.like_held_out) == (["none", "pool", "pool"], 1)


def test_what_the_source_holds_out_stays_held_out(pool):
    found, counts = pool(given_split=["train", "val", "test", "test", "train", None])
    assert found == ["none", "pool", "pool"]
    assert counts == PoolCounts(pool=2, given_held_out=1)
    assert "1 are of val or test by the source" in counts.sentence


def test_labelled_pictures_in_no_split_stay_there_and_so_does_feedback(make_manifest):
    feedback = f"feedback:{'0' * 64}.png"
    manifest = make_manifest(["a", "b", "a", "a", []], sample_id=["r", "v", "e", "bridge", feedback])
    table = pd.DataFrame({"sample_id": manifest["sample_id"], "split": ["train", "val", "test", "none", "none"]})
    found, counts = pool_unlabelled(SPLIT, manifest, NO_PAIRS, table)
    assert found.equals(table)
    assert counts == PoolCounts()


@settings(max_examples=12, deadline=None)
@given(
    labelled=st.lists(st.booleans(), min_size=12, max_size=24),
    groups=st.lists(st.sampled_from([None, *"uvwxyz"]), min_size=24, max_size=24),
    pixels=st.lists(st.integers(0, 30), min_size=24, max_size=24),
    pairs=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=4),
    rule=st.sampled_from([SPLIT, RANDOM]),
)
def test_no_chain_leads_from_the_pool_to_val_or_test(make_manifest, labelled, groups, pixels, pairs, rule):
    labelled[:3] = [True] * 3
    num = len(labelled)
    labels = [["ab"[number % 2]] if one else [] for number, one in enumerate(labelled)]
    manifest = make_manifest(labels, group=groups[:num], content_hash=[f"p{one}" for one in pixels[:num]])
    pairs = pd.DataFrame(
        [(f"s{one:02d}", f"s{other:02d}") for one, other in pairs], columns=["left", "right"], dtype="str"
    )
    rows = add_duplicate_group(manifest, pairs)
    before = rule(rows, None)
    found, counts = pool_unlabelled(rule, manifest, pairs, before)
    changed = found["split"] != before["split"]
    assert set(found.loc[changed, "split"]) <= {"pool"}
    assert not (changed.to_numpy() & labelled).any()
    assert counts.pool == changed.sum()
    assert counts.pool + counts.like_held_out == num - sum(labelled)
    joined = connected_groups(rows, 2)
    held_out = set(joined[found["split"].isin(["val", "test"]).to_numpy()])
    assert not held_out & set(joined[(found["split"] == "pool").to_numpy()])
