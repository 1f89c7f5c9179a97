"""A pretraining that collapses ends in one line; a healthy one, and one of few pictures, does not."""

import re

import pytest
import torch
from pretraining_examples import make_packed

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.resized_crop import ResizedCrop
from pipeline.training.collapse import MAX_LIKENESS, refuse_collapsed
from pipeline.training.feature_watch import FeatureWatch
from pipeline.training.objectives.byol import Byol
from pipeline.training.objectives.dino import Dino
from pipeline.training.objectives.simclr import SimClr
from pipeline.training.pretraining import Pretraining
from pipeline.training.view_dataset import make_view_dataset

TRANSFORM = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
CROP = ResizedCrop(min_area=0.3, max_stretch=1.33)
SIMCLR = SimClr(temperature=0.5, projection_dim=16, positives="view")


def byol(**changes):
    options = {"decay": 0.9, "projection_dim": 16, "predictor": True, "batch_norm": True, "positives": "view"}
    return Byol(**{**options, **changes})


def pretrain(pretext, num_pictures=64, **changes):
    options = {
        "epochs": 6, "batch_size": 32, "learning_rate": 0.01, "weight_decay": 0.0001, "warmup_fraction": 0.1,
        "precision": "fp32", "compile": False, "deterministic": True, "checkpoint_seconds": 60, "min_steps": 0,
        "seed": 0,
    }  # fmt: skip
    packed = make_packed(["train"] * num_pictures)
    torch.manual_seed(0)
    encoder = Small(width=8)
    samples = make_view_dataset(packed, pretext, TRANSFORM, (CROP,))
    watch = FeatureWatch(packed, TRANSFORM, (CROP,))
    return Pretraining(**{**options, **changes}).fit(encoder, samples, (3, 16, 16), watch, lambda epoch, row: None)


@pytest.mark.parametrize(
    ("pretext", "num_pictures"), [(byol(), 64), (byol(), 12), (SIMCLR, 64), (SIMCLR, 12)]
)  # few pictures, too
def test_a_healthy_pretraining_is_not_stopped(pretext, num_pictures):
    history = pretrain(pretext, num_pictures)
    assert len(history) == 6
    assert all(row["spread"] > 0.05 for row in history)
    assert all(row.get("likeness", 0) < 0.6 for row in history)


def test_a_dino_without_batch_norm_that_has_just_begun_is_not_stopped():
    """Outputs of random weights are alike; they are so still at epoch 3 of 15, from which on a collapse is named."""
    dino = Dino(
        num_prototypes=16, projection_dim=16, decay=0.9, student_temperature=0.1, teacher_temperature=0.04,
        centre_decay=0.9, batch_norm=False, positives="view",
    )  # fmt: skip
    likeness = [row["likeness"] for row in pretrain(dino, epochs=15, seed=1)]
    assert likeness[0] > likeness[2] > MAX_LIKENESS
    assert likeness[-1] < 0.6


@pytest.mark.parametrize("changes", [{"predictor": False}, {"predictor": False, "decay": 0.0}])
def test_byol_without_a_predictor_is_stopped(changes):
    with pytest.raises(
        UserError, match=r"^pretraining collapsed by epoch \d+ of 30: the teacher's outputs for .* \(mean cosine 0\.\d"
    ):
        pretrain(byol(**changes), epochs=30)


def test_features_that_are_all_alike_are_stopped():
    """Each step takes the kernels back to 0: what is left is almost the same for all pictures."""
    with pytest.raises(
        UserError,
        match=r"^pretraining collapsed by epoch 2 of 6: all .* features \(spread 0\.00\d+, .*; lower pretrain\.l",
    ):
        pretrain(SIMCLR, weight_decay=100.0, warmup_fraction=0.0)


ROW = {"epoch": 4, "spread": 0.2, "likeness": 0.3}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"spread": 0.004},
            r"by epoch 4 of 20: all pictures have almost the same features \(spread 0\.004, expected a",
        ),
        (
            {"likeness": 0.84},
            r"different pictures are almost the same \(mean cosine 0\.84, expected at most 0\.7\); by",
        ),
        ({"likeness": float("nan")}, r"mean cosine nan"),
        ({"epoch": 1, "spread": float("nan")}, r"by epoch 1 of 20: the features are not finite; lower pretrain\.learn"),
    ],
)
def test_collapse_by_hand(changes, message):
    refuse_collapsed([ROW], num_epochs=20)
    with pytest.raises(UserError, match=message):
        refuse_collapsed([{**ROW, **changes}], num_epochs=20)


@pytest.mark.parametrize("found", [{"spread": 0.001}, {"likeness": 0.9}])
def test_the_first_epochs_are_not_called_collapsed(found):
    refuse_collapsed([{**ROW, **found, "epoch": 3}], num_epochs=20)
    refuse_collapsed([{**ROW, **found, "epoch": 1}], num_epochs=5)
    with pytest.raises(UserError, match="collapsed by epoch 1 of 1"):
        refuse_collapsed([{**ROW, **found, "epoch": 1}], num_epochs=1)


def history_of(*likeness):
    return [{"epoch": number + 1, "spread": 0.2, "likeness": one} for number, one in enumerate(likeness)]


def test_outputs_that_become_less_alike_have_just_begun():
    """From 0.92 by 0.01 an epoch, as DINO without batch normalisation on digits: 0.7 is reached at epoch 23."""
    steady = history_of(*(0.92 - 0.01 * number for number in range(10)))
    refuse_collapsed(steady, num_epochs=50)
    refuse_collapsed(steady, num_epochs=24)
    with pytest.raises(UserError, match=r"by epoch 10 of 22: the teacher's outputs .* \(mean cosine 0\.83, expected"):
        refuse_collapsed(steady, num_epochs=22)


@pytest.mark.parametrize(
    "likeness",
    [
        (0.96, 0.957, 0.955, 0.955),
        (0.72, 0.74, 0.73, 0.72),
        (0.72, 0.6, 0.7, 0.75),
        (0.71, 0.71, 0.71, 0.71),
        (0.9, 0.8, 0.75, float("nan")),
    ],
)
def test_outputs_that_stay_alike_or_become_so_have_collapsed(likeness):
    """The first as BYOL without batch normalisation on digits."""
    with pytest.raises(UserError, match=r"by epoch 4 of 20: the teacher's outputs"):
        refuse_collapsed(history_of(*likeness), num_epochs=20)


def first_refusal(likeness, num_epochs=100):
    """The epoch by which the pretraining is stopped, or None."""
    history = history_of(*likeness)
    for epoch in range(1, len(history) + 1):
        try:
            refuse_collapsed(history[:epoch], num_epochs)
        except UserError as error:
            return int(re.search(rf"by epoch (\d+) of {num_epochs}: the teacher's outputs", str(error))[1])
    return None


def test_outputs_that_come_to_a_halt_are_noticed_a_recent_window_later():
    """The line through the first and the latest of 100 epochs would end below 0.7 until epoch 81."""
    halted = [0.95, 0.9, 0.85, 0.8, *[0.75] * 96]
    assert first_refusal(halted) == 24  # when epochs 5 to 24 are the recent ones


def test_outputs_that_become_alike_again_are_noticed_when_they_are_too_alike():
    """0.98 falls to 0.55 and rises to 0.8 by epoch 60, where the line from the first epoch still falls."""
    falling = [0.98 - 0.43 * number / 29 for number in range(30)]
    rising = [0.55 + 0.25 * number / 30 for number in range(1, 31)]
    likeness = [*falling, *rising]
    assert likeness[59] == pytest.approx(0.8)
    assert [one > MAX_LIKENESS for one in likeness[46:49]] == [False, True, True]
    assert first_refusal(likeness) == 48


@pytest.mark.parametrize(
    "likeness",
    [
        (
            0.92,
            0.92,
            0.9,
            0.89,
            0.89,
            0.87,
            0.86,
            0.84,
            0.83,
            0.82,
            0.81,
            0.8,
            0.77,
            0.76,
            0.76,
            0.73,
            0.71,
            0.71,
            0.68,
        ),
        (0.81, 0.76, 0.76, 0.72, 0.73, 0.72, 0.71, 0.72, 0.69, 0.68, 0.64),
    ],
)
def test_measured_beginnings_go_on(likeness):
    """DINO without batch normalisation on 128 digits, 50 epochs of two steps: two seeds."""
    assert first_refusal(likeness, num_epochs=50) is None


def test_measured_collapses_are_noticed():
    """BYOL without a predictor on digits: 20 epochs of 15 steps, two seeds."""
    assert first_refusal((0.37, 0.44, 0.57, 0.66, 0.73, 0.76, 0.79), num_epochs=20) == 5
    assert first_refusal((0.44, 0.5, 0.61, 0.69, 0.74, 0.77, 0.8), num_epochs=20) == 5


def test_an_objective_without_these_figures_is_not_judged_by_them():
    refuse_collapsed([{"epoch": 8, "loss": 2.0}, {"epoch": 9, "loss": 1.0}], num_epochs=10)
