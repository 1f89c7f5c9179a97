"""Samples of three axes go from packed arrays to predictions, with components of their own and with those of conf/."""

import json
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from train_choices import CHOICES, RAMP

from pipeline.core import artifacts, config
from pipeline.core.contracts import Augmentation, Encoder
from pipeline.core.errors import UserError
from pipeline.datasets.npy import write_array
from pipeline.datasets.packed import PackedDataset
from pipeline.datasets.packing import augment_copies, draw_preview
from pipeline.models.encoders.conv3d_small import Conv3dSmall
from pipeline.models.encoders.frame_mean import FrameMean
from pipeline.models.encoders.frame_recurrent import FrameRecurrent
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.exposure import Exposure
from pipeline.training.lr_range_test import LearningRateRangeTest
from pipeline.training.mixes.mixup import Mixup
from pipeline.training.recipe import Recipe
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.estimator import FitEstimator
from pipeline.training.trainers.finetune import FineTune
from pipeline.training.trainers.network import WEIGHTS, Classifier

SHAPE = (6, 16, 14, 1)  # depth, height, width, channels
SIZE = 12
TASK = SingleLabel(label_smoothing=0.0)
NORMALISE = Normalise(image_size=SIZE, mean=[0.5] * 3, std=[0.5] * 3)
NODES = {
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0},
    "imbalance": {"candidates": {"none": {}}},
    "transform": config.to_node(NORMALISE),
    "encoder": {"_target_": "pipeline.models.encoders.constant.Constant"},
    "sampling": {"_target_": "pipeline.training.samplings.shuffled.Shuffled"},
    "mix": {"_target_": "pipeline.training.mixes.unmixed.Unmixed"},
    "risk": {"_target_": "pipeline.training.risks.mean.Mean"},
    "train": {"_target_": "pipeline.training.trainers.finetune.FineTune", **CHOICES, "epochs": 1},
    "augmentation": {},
}


@final
class Volumes(nn.Module, Encoder):
    """One convolution over three axes."""

    spatial_rank: ClassVar[int | None] = 3

    def __init__(self, width: int = 8):
        super().__init__()
        convolution = nn.Conv3d(3, width, kernel_size=3, padding=1)
        self.body = nn.Sequential(convolution, nn.BatchNorm3d(width), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten())
        self.feature_dim = width

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x)
        return features


@final
@dataclass(frozen=True, kw_only=True)
class AxisFlips(Augmentation):
    """Each sample is turned along some of its axes."""

    spatial_rank: ClassVar[int | None] = 3

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        draws = torch.randint(0, 2, (len(batch), 3), generator=generator)
        axes = [[axis + 1 for axis in range(3) if draw[axis]] for draw in draws.tolist()]
        return torch.stack([one.flip(chosen) if chosen else one for one, chosen in zip(batch, axes, strict=True)])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def packed(tmp_path):
    """Seventy-two volumes that change along their depth (a) or along their width (b), equal in each picture's mean."""
    generator = np.random.default_rng(0)
    truth = np.arange(72) % 2
    depth, _, width = np.meshgrid(*map(np.arange, SHAPE[:3]), indexing="ij")
    waves = np.stack([depth % 2, width % 2])[truth] * 60.0
    volumes = np.clip(waves + generator.normal(90, 15, waves.shape), 0, 255).astype(np.uint8)[..., None]
    names = [f"s{position:02d}" for position in range(72)]
    index = pd.DataFrame(
        {
            "sample_id": names,
            "origin": names,
            "split": np.repeat(["train", "val"], [48, 24]),
            "labels": [["ab"[one]] for one in truth],
            "group": names,
            "content_hash": names,
        }
    )
    write_array(tmp_path / "images.npy", volumes, (72, *SHAPE))
    artifacts.write_table(tmp_path / "index.parquet", index)
    (tmp_path / "card.json").write_text(json.dumps({"classes": ["a", "b"]}))
    return PackedDataset.load(tmp_path)


def right(predictor, packed, split):
    rows = packed.index["split"] == split
    scores = predictor.predict(packed.images[rows.to_numpy()])
    decided = predictor.task.decide(scores).argmax(axis=1)
    return float(np.mean(decided == (packed.index.loc[rows, "labels"].str[0] == "b")))


def silent(epoch, figures):
    pass


def test_batches_hold_what_was_packed(packed):
    images, targets, _ = next(packed.split("val", TASK, NORMALISE).batches(4))
    assert images.shape == (4, 3, 6, SIZE, SIZE)
    assert targets.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    row, depth, down, across = 48 + 3, 5, 11, 0  # two lines and one column are cut off before
    expected = (int(packed.images[row, depth, down + 2, across + 1, 0]) / 255 - 0.5) / 0.5
    assert images[3, :, depth, down, across].tolist() == pytest.approx([expected] * 3, abs=1e-6)


def test_augmentations_and_a_mix_act_on_them(packed):
    plain = packed.split("train", TASK, lambda batch: batch, (AxisFlips(),))
    found = plain.make_batch(np.arange(16), seed=3)[0][:, 0].numpy()
    origin = np.asarray(packed.images[:16, ..., 0])
    turned = [np.flip(origin, axes) for axes in ((), 1, 2, 3, (1, 2), (1, 3), (2, 3), (1, 2, 3))]
    which = [[bool((found[row] == one[row]).all()) for one in turned].index(True) for row in range(16)]
    assert len(set(which)) > 3  # each by its own draw
    exposed = replace(plain, augmentations=(Exposure(max_brightness=0.2, max_contrast=0.0),), mix=Mixup(alpha=1.0))
    images, targets, _ = replace(exposed, transform=NORMALISE).make_batch(np.arange(8), seed=0)
    assert images.shape == (8, 3, 6, SIZE, SIZE)
    assert ((targets > 0) & (targets < 1)).any()


def test_a_network_learns_them_and_predicts(packed, tmp_path):
    train = packed.split("train", TASK, NORMALISE, (AxisFlips(),))
    val = packed.split("val", TASK, NORMALISE)
    choices = {**CHOICES, "epochs": 6, "views": ["identity", "horizontal_flip", "vertical_flip", "half_turn"]}
    torch.manual_seed(0)
    predictor, history = FineTune(**{**choices, "accumulation": 2}).fit(Volumes(), TASK, Mean(), train, val, silent)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert right(predictor, packed, "val") > 0.9
    kernel = predictor.network.encoder.body[0].weight
    assert kernel.is_contiguous(memory_format=torch.channels_last_3d)
    saved = predictor.save(tmp_path)
    again = Classifier(Volumes(), 2, 0.0)
    again.load_state_dict(load_file(tmp_path / WEIGHTS))
    assert saved["views"] == choices["views"]
    other = type(predictor)(again, predictor.task, NORMALISE, saved["views"], saved["precision"])
    np.testing.assert_array_equal(other.predict(packed.images), predictor.predict(packed.images))


@pytest.mark.parametrize(
    ("encoder", "learns"),
    [
        (lambda: Conv3dSmall(width=8, in_channels=1), True),
        (lambda: FrameRecurrent(Small(width=8), "lstm", 16), True),
        (lambda: FrameRecurrent(Small(width=8), "gru", 16), True),
        (lambda: FrameMean(Small(width=8)), True),
    ],
    ids=["conv3d", "lstm", "gru", "mean"],
)
def test_encoders_of_conf_learn_them(packed, encoder, learns):
    torch.manual_seed(0)
    train, val = (packed.split(name, TASK, NORMALISE) for name in ("train", "val"))
    choices = {**CHOICES, "epochs": 6, "frozen_epochs": 1, "layer_decay": 0.9}
    predictor, _ = FineTune(**choices).fit(encoder(), TASK, Mean(), train, val, silent)
    assert right(predictor, packed, "val") > 0.9


def test_the_views_turn_the_last_two_axes(packed):
    train = packed.split("train", TASK, NORMALISE)
    predictor, _ = FineTune(**{**CHOICES, "epochs": 1}).fit(Volumes(), TASK, Mean(), train, train, silent)
    images = np.asarray(packed.images[:4, :, 2:14, 1:13])
    plain, turned = predictor.predict(images), predictor.predict(images[:, :, ::-1, ::-1])
    predictor.views = ["half_turn"]
    np.testing.assert_allclose(predictor.predict(images), turned, atol=1e-6)
    assert not np.array_equal(plain, turned)


def test_the_range_test_takes_its_steps(packed):
    train = packed.split("train", TASK, NORMALISE, (AxisFlips(),))
    ramp = LearningRateRangeTest(lowest=1e-5, highest=1e-2, num_steps=10, **RAMP)
    assert len(ramp(Volumes(), TASK, Mean(), train)) == 10


def test_an_estimator_learns_from_frozen_features(packed):
    torch.manual_seed(0)
    trainer = FitEstimator(
        estimator=LogisticRegression(),
        scaling="standardise",
        calibration="none",
        max_samples=None,
        batch_size=10,
        seed=0,
    )
    train, val = (packed.split(name, TASK, NORMALISE) for name in ("train", "val"))
    predictor, _ = trainer.fit(Volumes(), TASK, Mean(), train, val, silent)
    assert right(predictor, packed, "val") > 0.9


def test_copies_and_the_preview(packed):
    extra = pd.DataFrame({"position": [3, 0]})
    copies = list(augment_copies(packed.images, extra, [AxisFlips()], seed=0))
    assert [one.shape for one in copies] == [SHAPE] * 2
    assert sorted(copies[0].ravel()) == sorted(packed.images[3].ravel())
    sheet = draw_preview(packed.images, packed.index, [AxisFlips()], seed=0)
    assert sheet.shape == (2 * 20 + 4, 8 * 18 + 4, 3)
    np.testing.assert_array_equal(sheet[4:20, 4:18, 0], packed.images[0, 3, :, :, 0])  # the middle of the first a


@pytest.mark.parametrize(
    ("key", "node", "message"),
    [
        (
            "encoder",
            {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
            (
                r"^params\.yaml: encoder takes samples with 2 spatial axes, but the stored samples have 3 "
                r"\(6 x 16 x 14\); choose another encoder, such as encoder=frame_mean, which takes them frame by frame$"
            ),
        ),
    ],
)
def test_what_takes_pictures_is_refused_before_training(packed, key, node, message):
    with pytest.raises(UserError, match=message):
        Recipe({**NODES, key: node}).fit(packed, silent)


@pytest.mark.parametrize(
    ("key", "node", "where"),
    [
        ("encoder", {"_target_": "pipeline.models.encoders.conv3d_small.Conv3dSmall", "width": 2}, "encoder"),
        (
            "augmentation",
            {"axis_shift": {"_target_": "pipeline.training.augmentations.axis_shift.AxisShift", "max_fraction": 0.1}},
            r"augmentation\.axis_shift",
        ),
    ],
)
def test_what_takes_clips_and_volumes_is_refused_of_pictures(packed, key, node, where):
    pictures = replace(packed, images=packed.images[:, 0])
    wanted = r"takes samples with 3 spatial axes, but the stored samples have 2 \(16 x 14\); choose another"
    with pytest.raises(UserError, match=rf"^params\.yaml: {where} {wanted} {key}$"):
        Recipe({**NODES, key: node}).fit(pictures, silent)


def test_what_takes_any_number_of_axes_is_trained(packed):
    exposure = {"_target_": "pipeline.training.augmentations.exposure.Exposure"}
    nodes = {**NODES, "augmentation": {"exposure": {**exposure, "max_brightness": 0.1, "max_contrast": 0.1}}}
    predictor, history = Recipe(nodes).fit(packed, silent)
    assert len(history) == 1
    assert predictor.predict(packed.images).shape == (72, 2)
