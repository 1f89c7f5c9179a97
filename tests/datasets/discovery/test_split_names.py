"""Folders of a split are recognised by their words in any spelling, and classes are not taken for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.discovery.split_names import (
    WORDS,
    is_filler,
    is_unlabelled,
    part_named,
    split_named,
    splits_of,
)


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (
            "train",
            "train Training TRAIN train_set trainset TrainSet training-data seg_train train2017 images_train DS_Train",
        ),
        ("val", "val valid Validation dev eval val_set ValData x_dev validation_images"),
        ("test", "test Testing test_set TestSet testdata holdout hold_out hold-out HoldOut seg_test test_2"),
        (None, "cat car trainer testimony tested contrast invalid evaluator latest traintest validity train_test"),
    ],
)
def test_names(split, names):
    assert {name: split_named(name) for name in names.split()} == dict.fromkeys(names.split(), split)
    assert split_named("test set") == "test"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("Training", "train"), ("test set", "test"), ("valid", "val"), ("hold-out", "test"), ("val_images", "val")),
        *(("test tube", None), ("train_2", None), ("train test", None), ("invalid", None), ("", None), ("set", None)),
    ],
)
def test_names_that_say_the_part_and_nothing_else(name, part):
    assert part_named(name) == part


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Training", "Testing"], {"Training": "train", "Testing": "test"}),
        (["training_set", "test_set"], {"training_set": "train", "test_set": "test"}),
        (["seg_pred", "seg_test", "seg_train"], {"seg_pred": None, "seg_test": "test", "seg_train": "train"}),
        (["train2017", "val2017"], {"train2017": "train", "val2017": "val"}),
        (["train_1", "train_2", "test"], {"train_1": "train", "train_2": "train", "test": "test"}),
        (["train", "unlabelled"], {"train": "train", "unlabelled": None}),
        (["train"], {"train": "train"}),
        (["car", "bus", "train"], None),
        (["valid", "invalid"], None),
        (["train station", "test tube"], None),
        (["test 1", "test 2"], None),
        (["no_label"], None),
        (["predictions"], None),
        ([], None),
    ],
)
def test_folders_are_parts_of_a_split_together_or_not_at_all(names, expected):
    assert splits_of(names) == expected


@given(st.sampled_from(sorted(WORDS)), st.data())
def test_spelling_and_what_stands_around_do_not_matter(split, data):
    word = data.draw(st.sampled_from(WORDS[split]))
    word = data.draw(st.sampled_from([word, word.upper(), word.capitalize()]))
    assert (
        split_named(data.draw(st.sampled_from(["{}", "{}_set", "my-{}", "{}2017", "{} images", "01.{}"])).format(word))
        == split
    )


def test_no_label_and_names_that_tell_nothing():
    assert all(map(is_unlabelled, ("unlabelled", "Unlabeled", "no_label", "No Label", "not-labelled")))
    assert not any(map(is_unlabelled, ("label", "no", "labelled", "nothing")))
    assert all(map(is_filler, ("images", "Data", "data_set", "ImageFolder", "imgs")))
    assert not any(map(is_filler, ("image_cat", "cat", "01", "")))
