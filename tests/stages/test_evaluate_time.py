"""Evaluate asks whether a model uses time where samples have three axes, and asks nothing of pictures."""

import numpy as np
import pandas as pd
import pytest
from policy_examples import make_policy

from pipeline.core import artifacts
from pipeline.core.contracts import Predictor
from pipeline.core.decision_rule import Rule
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.split_evaluation import Options
from pipeline.stages.evaluate import stacked_figures
from pipeline.training.tasks.single_label import SingleLabel

EMBED = {
    "encoder": {"_target_": "pipeline.models.encoders.pixels.Pixels", "side": 4, "grey": True},
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 8,
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
    },
    "image_size": 8,
    "fit": "stretch",
    "batch_size": 32,
}
PARAMS = {"embed": EMBED, "time_use": {"max_samples": 50, "max_frames": 4, "seed": 0}}


class Rising(Predictor):
    """Says with a score of 0.6 that the brightness rises, or falls."""

    task = SingleLabel(label_smoothing=0.0)

    def predict(self, images):
        rises = images[:, -1].mean(axis=(1, 2, 3)) > images[:, 0].mean(axis=(1, 2, 3))
        return np.where(rises[:, None], [0.4, 0.6], [0.6, 0.4]).astype(np.float32)

    def save(self, folder):
        raise NotImplementedError

    @classmethod
    def load(cls, folder, card):
        raise NotImplementedError


def packed(shape):
    rises = np.arange(80) % 2
    ramp = np.where(rises[:, None], np.arange(shape[0]), np.arange(shape[0])[::-1]) * 20
    images = np.broadcast_to(ramp.reshape(80, shape[0], *[1] * (len(shape) - 1)), (80, *shape)).astype(np.uint8)
    index = pd.DataFrame(
        {
            "sample_id": [f"s{row}" for row in range(80)],
            "split": np.repeat(["train", "val", "test"], [20, 20, 40]),
            "labels": [[["falls", "rises"][one]] for one in rises],
            "group": [f"g{row}" for row in range(80)],
        }
    )
    return PackedDataset(images, index, {"classes": ["falls", "rises"]})


@pytest.fixture
def manifest_of(tmp_path, monkeypatch):
    def write(media):
        path = tmp_path / "manifest.parquet"
        artifacts.write_table(path, pd.DataFrame({"media": [media] * 80}))
        monkeypatch.setattr(artifacts, "MANIFEST", path)

    return write


OPTIONS = Options(
    num_resamples=100, seed=0, half_width=0.2, min_slice=1, max_slices=10, num_mistakes=1, cross_validation="never"
)


@pytest.mark.parametrize(("media", "reversed_loss"), [("clip", 1.0), ("volume", None)])
def test_samples_of_three_axes(manifest_of, media, reversed_loss):
    manifest_of(media)
    found = stacked_figures(PARAMS, packed((4, 8, 8, 1)), Rising(), make_policy(2), OPTIONS)
    assert found["shuffled_margin"].low > 0
    assert ("reversed_margin" in found) == (reversed_loss is not None)
    assert reversed_loss is None or found["reversed_margin"].value == reversed_loss
    assert found["single_margin"].value == 0.5


def test_the_policy_decides(manifest_of):
    """With a threshold of 0.7 for what rises everything falls, whatever the order: no loss."""
    manifest_of("clip")
    policy = make_policy(2, rule=Rule(thresholds=(None, 0.7)))
    found = stacked_figures(PARAMS, packed((4, 8, 8, 1)), Rising(), policy, OPTIONS)
    assert found["reversed_margin"].value == found["shuffled_margin"].value == 0.0


def test_pictures_are_passed_over():
    assert stacked_figures({}, packed((8, 8, 1)), Rising(), make_policy(2), OPTIONS) == {}
