"""What a model loses on shuffled, reversed and single frames; models here are written by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.core.estimate import Estimate
from pipeline.evaluation.time_use import (
    Options,
    StackedSamples,
    choose_frame,
    measure_time_use,
    repeat_frame,
    shuffle_frames,
)
from pipeline.evaluation.time_use_text import describe_time_use, judge_time_use
from pipeline.features.extractor import FeatureOptions
from pipeline.report.time_use import time_use
from pipeline.statistics.bootstrap import Bootstrap

OPTIONS = Options(max_samples=200, max_frames=16, seed=0)
BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
FEATURING = FeatureOptions(
    encoder={"_target_": "pipeline.models.encoders.pixels.Pixels", "side": 8, "grey": True},
    transform={
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 8,
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
    },
    image_size=8,
    fit="stretch",
    batch_size=32,
)


def stack(decide, num=200, frames=6, per_group=1):
    """Clips of one bright level that rises or falls by 10 a frame, from a random start; the label is the direction."""
    generator = np.random.default_rng(0)
    rises = np.arange(num) % 2
    start = generator.integers(100, 150, num)
    levels = start[:, None] + np.where(rises, 10, -10)[:, None] * (np.arange(frames) - (frames - 1) / 2)
    images = np.broadcast_to(levels[:, :, None, None, None], (num, frames, 8, 8, 1)).astype(np.uint8)
    index = pd.DataFrame(
        {
            "sample_id": [f"s{row}" for row in range(num)],
            "split": np.tile(["train", "train", "val", "val", "test", "test", "test", "test"], num // 8),
            "labels": [[["falls", "rises"][one]] for one in rises],
            "group": [f"g{row // 8 // per_group}" if per_group > 1 else f"g{row}" for row in range(num)],
        }
    )
    return StackedSamples(
        images=images,
        index=index,
        classes=["falls", "rises"],
        targets=np.eye(2)[rises],
        exclusive=True,
        decide=lambda samples, rows: np.eye(2, dtype=bool)[decide(samples[..., 0, 0, 0].astype(float)).astype(int)],
    )


def by_order(levels):
    return levels[:, -1] > levels[:, 0]


def by_mean(levels):
    return levels.mean(axis=1) > 125


def test_frames_are_shuffled_by_name_and_seed():
    clips = np.arange(12).reshape(2, 6, 1)
    found = shuffle_frames(clips, np.array(["a", "b"]), seed=0)
    assert [sorted(one.ravel()) for one in found] == [list(range(6)), list(range(6, 12))]
    assert found[0].ravel().tolist() != list(range(6))
    np.testing.assert_array_equal(found[1:], shuffle_frames(clips[1:], np.array(["b"]), seed=0))
    assert not np.array_equal(found, shuffle_frames(clips, np.array(["a", "b"]), seed=1))
    assert repeat_frame(clips, 2).ravel().tolist() == [2] * 6 + [8] * 6


def test_a_model_of_the_order_by_hand():
    found = measure_time_use(stack(by_order), True, FEATURING, OPTIONS, BOOTSTRAP)
    assert found["reversed_margin"].value == 1.0  # all right, then all wrong
    assert found["single_margin"].value == 0.5  # a level that never rises
    assert 0.3 < found["shuffled_margin"].value < 0.7
    assert found["static_baseline"].value == pytest.approx(0.5, abs=0.15)
    assert found["static_margin"].low > 0.2
    assert judge_time_use(found) == "uses time"
    text = describe_time_use(found, True)
    assert text.startswith("The model uses time: its balanced accuracy falls by ")
    assert "100.0 points" in text
    assert "It needs more than one frame: the best single one costs 50.0 points" in text


def test_a_model_of_the_mean_does_not_use_time():
    found = measure_time_use(stack(by_mean), True, FEATURING, OPTIONS, BOOTSTRAP)
    assert found["shuffled_margin"].value == found["reversed_margin"].value == 0.0
    assert found["shuffled_margin"].high == pytest.approx(1 - 0.025 ** (1 / 100))  # 100 samples of test, none differs
    assert judge_time_use(found) == "does not use time"
    assert "in any case by less than 5 points" in describe_time_use(found, True)


def test_few_groups_cannot_be_judged():
    found = measure_time_use(stack(by_order, per_group=7), True, FEATURING, OPTIONS, BOOTSTRAP)
    assert found["shuffled_margin"].interval is None
    assert judge_time_use(found) == "cannot be judged"
    assert "cannot be judged: its balanced accuracy falls by" in describe_time_use(found, True)
    assert "fewer than 5" in describe_time_use(found, True)


def test_slices_have_no_direction_in_time():
    found = measure_time_use(stack(by_order), False, FEATURING, OPTIONS, BOOTSTRAP)
    assert "reversed_margin" not in found
    assert describe_time_use(found, False).startswith("The model uses the order of slices: its balanced accuracy")
    section = time_use(found)
    assert (section.verdict, section.has_time, len(section.losses), len(section.still)) == ("uses time", False, 2, 2)


def test_val_chooses_the_frame():
    """Only the fourth frame says which it is: there the level is 200 of one class."""
    samples = stack(lambda levels: (levels == 200).any(axis=1))
    images = samples.images.copy()
    images[samples.targets[:, 1] > 0, 3] = 200
    changed = StackedSamples(**{**vars(samples), "images": images})
    assert choose_frame(changed, OPTIONS) == 3
    found = measure_time_use(changed, True, FEATURING, OPTIONS, BOOTSTRAP)
    assert found["single_margin"].value == 0.0
    assert "A single frame, repeated, does as well." in describe_time_use(found, True)
    assert found["static_baseline"].value == 1.0  # frame 3 of 6 is the middle one


def test_an_interval_with_a_caveat_is_taken_wider():
    """0.1 - 1.25 x (0.1 - 0.01) is below 0: of few groups that is not enough."""
    loss = Estimate(value=0.1, low=0.01, high=0.19, n=80, groups=8)
    assert judge_time_use({"shuffled_margin": loss}) == "uses time"
    few = replace(loss, caveat="it rests on 8 independent groups only")
    assert judge_time_use({"shuffled_margin": few}) == "cannot be judged"
    assert judge_time_use({"shuffled_margin": replace(few, low=0.03)}) == "uses time"


def test_few_groups_do_not_show_that_there_is_no_loss():
    """None differs in 6 groups: that says little of others."""
    loss = Estimate(value=0.0, low=-0.009, high=0.009, n=400, groups=6)
    assert judge_time_use({"shuffled_margin": loss}) == "does not use time"
    few = replace(loss, caveat="it rests on 6 independent groups only")
    assert judge_time_use({"shuffled_margin": few}) == "cannot be judged"
    text = describe_time_use({"shuffled_margin": few, "single_margin": few}, True)
    assert "cannot be judged" in text
    assert "it rests on 6 independent groups only" in text
    assert "Whether a single frame does as well cannot be judged." in text


def test_without_figures_there_is_nothing_to_say():
    picture = {"accuracy": Estimate(value=0.5, low=0.4, high=0.6, n=10, groups=10)}
    assert (judge_time_use(picture), describe_time_use(picture, True), time_use(picture)) == (None, "", None)
    samples = stack(by_order)
    still = StackedSamples(**{**vars(samples), "images": samples.images[:, :1]})
    assert measure_time_use(still, True, FEATURING, OPTIONS, BOOTSTRAP) == {}
