"""The names that a misspelt one may mean."""

import pytest

from pipeline.core.suggestions import did_you_mean, find_similar

KEYS = ["image_size", "train.epochs", "train.batch_size", "encoder", "evaluate", "imbalance.epochs"]


@pytest.mark.parametrize(
    ("word", "similar"),
    [
        ("imge_size", ["image_size"]),
        ("Encoder", ["encoder"]),
        ("epochs", ["train.epochs", "imbalance.epochs"]),  # the last part is right
        ("trian.epochs", ["train.epochs", "imbalance.epochs"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_similar_names(word, similar):
    assert find_similar(word, KEYS) == similar


def test_a_sentence_or_nothing():
    assert did_you_mean("encodr", KEYS) == "; did you mean 'encoder'?"
    assert did_you_mean("zzz", KEYS) == ""
