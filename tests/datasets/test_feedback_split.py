"""Feedback changes the split of no other sample, and goes to train or to no split; never near val or test."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks.check_runner import merge_samples
from pipeline.checks.conflicting_labels import ConflictingLabels
from pipeline.checks.split_leakage import SplitLeakage
from pipeline.core.labels import without_labels
from pipeline.datasets.feedback_split import are_wanted, split_samples
from pipeline.datasets.near_duplicates.groups import connected_groups
from pipeline.datasets.splits.fold import Fold
from pipeline.datasets.splits.given import Given
from pipeline.datasets.splits.grouped import Grouped
from pipeline.datasets.splits.random import Random

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
NONE = pd.DataFrame({"left": [], "right": []}, dtype="str")
SPLIT = Grouped(fractions=FRACTIONS, max_attribute_values=5, near_duplicate_bits=2, seed=0)


def name_of(number):
    return f"feedback:{number:064x}.png"


@pytest.fixture
def build(make_manifest):
    """20 samples of the source and, below them, feedback: content and label of each; other columns are those given."""

    def make(feedback, num_own=20, **columns):
        own = make_manifest(("ab" * num_own)[:num_own], attr_site=("xxyy" * num_own)[:num_own])
        added = pd.DataFrame(
            {
                "sample_id": [name_of(number) for number in range(len(feedback))],
                "labels": [[label] for _, label in feedback],
                "content_hash": [content for content, _ in feedback],
                "perceptual_hash": [
                    hashlib.sha256(name_of(number).encode()).hexdigest()[:16] for number in range(len(feedback))
                ],
                "attr_of_label_who": "Ada",
                "attr_of_label_version": "3",
                **columns,
            }
        )
        return pd.concat(
            [own.assign(attr_origin="source"), added.assign(attr_origin="feedback")], ignore_index=True
        ).assign(group=lambda table: table["group"].astype("str"))

    return make


def splits_of(table):
    return dict(zip(table["sample_id"], table["split"], strict=True))


def own_of(manifest):
    """The manifest as ingest writes it where there is no feedback."""
    rows = manifest[~manifest["sample_id"].str.startswith("feedback:")]
    return rows.drop(columns=["attr_origin", "attr_of_label_who", "attr_of_label_version"])


def test_a_task_without_labels_takes_feedback_only_where_a_person_knew_its_kind(build):
    manifest = build([("x", "a"), ("y", "b")])
    manifest.at[21, "labels"] = []
    manifest.at[0, "labels"] = []  # of the source, where no label is no reason
    assert are_wanted(manifest).tolist() == [True] * 21 + [False]
    seen = without_labels(manifest, are_wanted(manifest))
    splits, _, _ = split_samples(SPLIT, seen, NONE, None, "train")
    assert (splits["split"] == "none").tolist() == [False] * 21 + [True]


def test_feedback_goes_to_train_and_moves_no_other_sample(build):
    manifest = build([(f"new {number}", "ab"[number % 2]) for number in range(12)])
    alone = SPLIT(own_of(manifest), None)
    found, places, _ = split_samples(SPLIT, manifest, NONE, None, "train")
    assert found["sample_id"].tolist() == manifest["sample_id"].tolist()
    assert found.head(20).equals(alone)
    assert found["split"].tail(12).tolist() == ["train"] * 12
    assert (places.train, places.sentence) == (12, "")
    asked, _, _ = split_samples(SPLIT, manifest, NONE, None, "any")
    assert set(asked["split"].tail(12)) == {"train", "val", "test"}


RULES = [
    SPLIT,
    Random(fractions=FRACTIONS, max_attribute_values=0, seed=0),
    Fold(fold=1, num_folds=4, repeat=0, val_fraction=0.2, max_attribute_values=0, near_duplicate_bits=2, seed=0),
    Given(fractions=FRACTIONS, max_attribute_values=0, near_duplicate_bits=2, seed=0),
]
every_rule = pytest.mark.parametrize("split", RULES, ids=lambda one: type(one).__name__)


@every_rule
def test_a_copy_of_a_held_out_picture_is_in_no_split_and_counted(build, split):
    """Of the first, a test picture, and the second, one of val; the third is one of train, once with another label."""
    given_split = {} if not isinstance(split, Given) else {"given_split": (["train"] * 3 + ["val", "test"]) * 4}
    plain = own_of(build([])).assign(**given_split)
    alone = splits_of(split(plain, None))
    content = plain.set_index("sample_id")["content_hash"]
    label = plain.set_index("sample_id")["labels"].str[0]
    test, val, train = (next(name for name in alone if alone[name] == part) for part in ("test", "val", "train"))
    other = {"a": "b", "b": "a"}[label[train]]
    rows = [(content[test], "a"), (content[val], "a"), (content[train], label[train]), (content[train], other)]
    manifest = build(rows)
    if given_split:
        manifest["given_split"] = [*given_split["given_split"], *[None] * 4]
    found, places, _ = split_samples(split, manifest, NONE, None, "train")
    assert splits_of(found.head(20)) == alone
    assert found["split"].tail(4).tolist() == ["none", "none", "none", "train"]
    assert places.sentence == (
        "of the feedback in no split: 2 belong together with pictures of val or test, 1 are in train already, with the "
        "same labels"
    )
    samples = merge_samples(manifest, found, NONE)
    assert SplitLeakage(near_duplicate_bits=0, max_samples=0, on_fail="error")(samples).value == 0
    conflicts = ConflictingLabels(near_duplicate_bits=0, max_samples=0, on_fail="warn")(samples)
    assert conflicts.value >= 3  # the picture of train, its copy in no split, and the one with the other label


def test_a_chain_through_feedback_joins_no_pictures_of_the_source(build):
    """One photograph: a picture of train, feedback, and a picture of test, by pairs that find_duplicates gives."""
    manifest = build([("new", "a"), ("newer", "a")])
    alone = splits_of(SPLIT(own_of(manifest), None))
    train, test = (next(name for name in alone if alone[name] == part) for part in ("train", "test"))
    pairs = pd.DataFrame({"left": [train, name_of(0), name_of(0)], "right": [name_of(0), test, name_of(1)]})
    found, places, _ = split_samples(SPLIT, manifest, pairs, None, "train")
    assert splits_of(found.head(20)) == alone
    assert found["split"].tail(2).tolist() == ["none", "none"]
    assert places.like_held_out == 2
    again, _, _ = split_samples(SPLIT, manifest, pairs, found, "train")
    assert again.equals(found)
    samples = merge_samples(manifest, found, pairs)
    assert SplitLeakage(near_duplicate_bits=2, max_samples=0, on_fail="error")(samples).value == 0


@pytest.mark.parametrize("rule", [SPLIT, RULES[1]], ids=["joins 2 bits", "compares no hashes"])
@pytest.mark.parametrize(("differing", "part"), [(0b11, "none"), (0b111, "train")])
def test_no_near_duplicate_of_test_is_trained_on_whatever_the_rule_joins(build, rule, differing, part):
    manifest = build([("new", "a")])
    test = next(name for name, one in splits_of(rule(own_of(manifest), None)).items() if one == "test")
    hashes = manifest.set_index("sample_id")["perceptual_hash"]
    manifest.loc[20, "perceptual_hash"] = f"{int(hashes[test], 16) ^ differing:016x}"
    found, _, _ = split_samples(rule, manifest, NONE, None, "train")
    assert found["split"].iloc[-1] == part
    leakage = SplitLeakage(near_duplicate_bits=2, max_samples=0, on_fail="error")
    assert leakage(merge_samples(manifest, found, NONE)).value == 0
    everything = merge_samples(manifest, found.assign(split=found["split"].replace("none", "train")), NONE)
    assert leakage(everything).value == (part == "none")


def test_a_new_sample_of_the_source_like_feedback_of_train_is_in_train(build):
    """The model in use has seen its pixels, so a place in test would be a leak into the comparison with it."""
    manifest = build([(f"new {number}", "a") for number in range(10)])
    first, _, _ = split_samples(SPLIT, manifest, NONE, None, "train")
    later = build([(f"new {number}", "a") for number in range(10)], num_own=30)
    later.loc[20:29, "content_hash"] = [f"new {number}" for number in range(10)]
    later.loc[20:29, "labels"] = pd.Series([["a"]] * 10, index=range(20, 30))
    second, places, _ = split_samples(SPLIT, later, NONE, first, "train")
    assert second["split"].iloc[20:30].tolist() == ["train"] * 10
    assert places.copies == 10
    third, _, _ = split_samples(SPLIT, later, NONE, second, "train")
    assert third.equals(second)
    afresh, _, _ = split_samples(SPLIT, later, NONE, None, "train")
    assert set(afresh["split"].iloc[20:30]) != {"train"}  # it is the record that says so


@every_rule
def test_rules_that_read_no_record_may_hold_out_what_feedback_has_taught(build, split):
    """Then the feedback leaves train, though the model in use was trained on it; docs/serving.md says so."""
    feedback = [(f"new {number}", "a") for number in range(10)]
    parts = (["train", "val", "test"] * 10)[:30]
    before = build(feedback)
    before["given_split"] = [*parts[:20], *[None] * 10]
    first, _, _ = split_samples(split, before, NONE, None, "train")
    assert set(first["split"].tail(10)) == {"train"}
    later = build(feedback, num_own=30)
    later["given_split"] = [*parts, *[None] * 10]
    later.loc[20:29, "content_hash"] = [f"new {number}" for number in range(10)]
    later.loc[20:29, "labels"] = pd.Series([["a"]] * 10, index=range(20, 30))
    second, places, _ = split_samples(split, later, NONE, first, "train")
    new, of_feedback = second["split"].iloc[20:30].tolist(), second["split"].iloc[30:].tolist()
    assert of_feedback == ["none"] * 10
    if isinstance(split, Grouped | Random):
        assert (new, places.like_held_out) == (["train"] * 10, 0)
        return
    num_held_out = sum(one != "train" for one in new)
    assert num_held_out > 0
    assert places.like_held_out == num_held_out


ROW = st.tuples(st.integers(0, 25).map(str), st.sampled_from("ab"), st.booleans())


@settings(max_examples=12)
@given(st.lists(ROW, min_size=12, max_size=24), st.integers(0, 3))
def test_whatever_resembles_what_no_feedback_is_held_out_or_near_what_is(rows, links):
    names = [name_of(n) if of_feedback and n > 7 else f"s{n:02d}" for n, (_, _, of_feedback) in enumerate(rows)]
    manifest = pd.DataFrame(
        {
            "sample_id": names,
            "labels": [[label] for _, label, _ in rows],
            "content_hash": [content for content, _, _ in rows],
            "perceptual_hash": [f"{n * 0x0101010101010101:016x}" for n in range(len(rows))],
            "group": None,
            "attr_origin": ["feedback" if name.startswith("feedback") else "source" for name in names],
        }
    )
    pairs = pd.DataFrame({"left": names[:links], "right": names[-links:] if links else []}, dtype="str")
    pairs = pairs[pairs["left"] != pairs["right"]]
    split = Grouped(fractions=FRACTIONS, max_attribute_values=0, near_duplicate_bits=0, seed=0)
    found, places, _ = split_samples(split, manifest, pairs, None, "train")
    is_own = ~manifest["sample_id"].str.startswith("feedback:")
    own_pairs = pairs[pairs["left"].str.startswith("s") & pairs["right"].str.startswith("s")]
    alone, _, _ = split_samples(
        split, manifest[is_own].drop(columns="attr_origin").reset_index(drop=True), own_pairs, None, "train"
    )
    assert splits_of(found[is_own]) == splits_of(alone)
    assert set(found.loc[~is_own, "split"]) <= {"train", "none"}
    assert places.train == int((found.loc[~is_own, "split"] == "train").sum())
    joined = connected_groups(
        merge_samples(manifest, found.assign(split="train"), pairs).drop(columns=["group", "source_group"]), 0
    )
    for of_group in found["split"].groupby(joined.to_numpy()):
        parts = of_group[1]
        held_out = parts[is_own].isin(["val", "test"]).any()
        assert not (held_out and (parts[~is_own] == "train").any())


@every_rule
@pytest.mark.parametrize("part", ["train", "any"])
def test_what_a_query_chose_goes_to_train_and_moves_no_other_sample(build, split, part):
    given_split = {} if not isinstance(split, Given) else {"given_split": (["train"] * 3 + ["val", "test"]) * 5}
    manifest = own_of(build([])).drop(columns="attr_origin", errors="ignore").assign(group=lambda one: one["sample_id"])
    more = manifest.head(5).assign(
        sample_id=[f"more {number}" for number in range(5)],
        content_hash=[f"new {number}" for number in range(5)],
        group=[f"more {number}" for number in range(5)],
        perceptual_hash=[hashlib.sha256(f"more {number}".encode()).hexdigest()[:16] for number in range(5)],
    )
    both = pd.concat([manifest.assign(selected=False), more.assign(selected=True)], ignore_index=True)
    both = both.assign(**{name: values[: len(both)] for name, values in given_split.items()})
    alone = split(both.head(20), None)
    both.loc[24, "labels"] = None
    both.at[24, "labels"] = []
    found, _, places = split_samples(split, both, NONE, None, part)
    assert found.head(20)["split"].tolist() == alone["split"].tolist()
    assert found["split"].tail(5).tolist() == ["train"] * 4 + ["none"]
    assert (places.train, places.sentence) == (
        4,
        "of what a query chose or a model labelled in no split: 1 have no label",
    )
