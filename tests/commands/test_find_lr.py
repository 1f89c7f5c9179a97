"""The learning rate that a range test suggests: the table, the plot, the message, and what is wrong in one line."""

import numpy as np
import pandas as pd
import pytest
import yaml
from small_project import RECIPE, normalise, write_packed
from train_choices import CHOICES, RAMP

from pipeline.commands.find_lr import PLOT, TABLE, main, suggest_rate
from pipeline.core.errors import UserError
from pipeline.datasets.packed import PackedDataset

PARAMS = RECIPE | {
    "imbalance": {"candidates": {"weighted": {"task": {"class_weights": "balanced"}}}},
    "transform": normalise(8),
    "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 4},
    "train": {
        "_target_": "pipeline.training.trainers.finetune.FineTune",
        **CHOICES,
        **RAMP,
        "learning_rate": 0.5,
    },
}


@pytest.fixture
def packed_folder(project):
    """Bright and dark pictures, 24 of them in train, as `augment` would have left them."""
    truth = np.arange(24) % 2
    noise = np.random.default_rng(0).normal(0, 20, (24, 8, 8, 1))
    images = np.clip(80 + 80 * truth[:, None, None, None] + noise, 0, 255).astype(np.uint8)
    index = pd.DataFrame({"split": "train", "labels": [["ab"[one]] for one in truth]})
    write_packed(PackedDataset(images, index, {"classes": ["a", "b"]}))
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    return project


def test_it_writes_the_table_and_the_plot_and_says_what_to_set(packed_folder, capsys):
    main(steps=60, lowest=1e-5, highest=10.0)
    table = pd.read_csv(TABLE)
    assert list(table) == ["learning_rate", "loss", "smoothed"]
    np.testing.assert_allclose(table["learning_rate"].iloc[0], 1e-5)
    np.testing.assert_allclose(table["learning_rate"].iloc[1] / 1e-5, 1e6 ** (1 / 59))
    assert PLOT.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    best = suggest_rate(table)
    assert f"colibri run learning_rate={best:.2g}   (now 0.5)" in shown
    assert 1e-4 < best < 1  # where a network this small learns
    assert table["smoothed"].min() < 0.8 * table["smoothed"].iloc[0]
    first = TABLE.read_bytes()
    main(steps=60, lowest=1e-5, highest=10.0)
    assert TABLE.read_bytes() == first


def test_the_suggestion_is_a_tenth_of_the_rate_with_the_lowest_smoothed_loss():
    table = pd.DataFrame({"learning_rate": [0.1, 0.2, 0.4, 0.8], "smoothed": [1.0, 0.8, 0.5, 0.9]})
    assert suggest_rate(table) == pytest.approx(0.04)


@pytest.mark.parametrize("smoothed", [[1.0, 1.1], []])
def test_a_loss_that_never_fell(smoothed):
    with pytest.raises(UserError, match=r"^the loss never fell; take a lower --lowest"):
        suggest_rate(pd.DataFrame({"learning_rate": np.ones(len(smoothed)), "smoothed": smoothed}))


def test_wrong_words_are_named(packed_folder):
    with pytest.raises(UserError, match=r"find-lr: lowest must be below highest, got 2\.0 and 1\.0"):
        main(steps=60, lowest=2.0, highest=1.0)
    with pytest.raises(UserError, match=r"find-lr\.num_steps must be at least 10, got 3"):
        main(steps=3, lowest=1e-5, highest=1.0)


def test_a_trainer_without_a_learning_rate(packed_folder):
    (packed_folder / "params.yaml").write_text(yaml.safe_dump({**PARAMS, "train": {"seed": 0}}))
    with pytest.raises(UserError, match=r"^train has no batch_size: there is no learning rate to look for"):
        main(steps=60, lowest=1e-5, highest=1.0)
