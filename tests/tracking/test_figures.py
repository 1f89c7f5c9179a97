"""Names of metrics: accepted by MLflow, one for each class, curves grouped, the headline first."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation import margin_text
from pipeline.tracking import figures
from pipeline.tracking.figures import epoch_figures, metric_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f1/cat", "f1/cat"),
        ("f1/a b-c.d_e:f", "f1/a b-c.d_e:f"),
        ("f1/50% (grün)", "f1/50_ _grün_ 1"),
        ("f1/" + "x" * 400, "f1/" + "x" * 197 + " 2"),
        ("f1/..", "f1/_ 3"),
        ("f1/cat_low", "f1/cat_low"),
        ("f1/./b//", "f1/_/b/_/_ 4"),
        ("f1/" + "x" * 196 + "/y", "f1/" + "x" * 196 + "/_ 5"),
    ],
)
def test_metric_name(name, expected):
    stem, _, digest = expected.rpartition(" ")
    if digest.isdigit():  # what was changed carries a digest
        expected = f"{stem} {hashlib.sha256(len(name.encode()).to_bytes(8, 'little') + name.encode()).hexdigest()[:8]}"
    assert metric_name(name) == expected


@given(st.lists(st.text(alphabet="ab%_/. <", max_size=6), unique=True, max_size=20))
def test_no_two_classes_share_a_metric(names):
    assert len({metric_name(f"f1/{name}") for name in names}) == len(names)


def test_figures_of_an_epoch():
    row = {"epoch": 1.0, "train_loss": 0.5, "val_loss": 0.6, "val_accuracy": 0.9, "learning_rate": 0.1}
    assert list(epoch_figures(row).items()) == [
        ("val/accuracy", 0.9),
        ("train/loss", 0.5),
        ("val/loss", 0.6),
        ("train/learning_rate", 0.1),
    ]


def test_cross_validated_figures_are_those_of_evaluation():
    assert figures.CROSS == margin_text.CROSS


def test_final_figures_come_first_where_names_are_sorted():
    of_stages = (figures.ROBUSTNESS, *figures.OF_STAGES)
    others = ("frozen_features/x", "per_class/x", "train/x", "usage/x", "val/x", *of_stages)
    assert max(figures.TEST, figures.VAL) < min(others)
