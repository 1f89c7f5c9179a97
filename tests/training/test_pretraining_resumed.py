"""A pretraining killed at any moment goes on, and ends with the bits of one that was not; watching changes none."""

import pytest
import torch
from dying_checkpoints import Dying, Killed
from pretraining_examples import make_packed

from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.resized_crop import ResizedCrop
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.feature_watch import FeatureWatch
from pipeline.training.objectives.byol import Byol
from pipeline.training.objectives.dino import Dino
from pipeline.training.objectives.simclr import SimClr
from pipeline.training.pretraining import Pretraining
from pipeline.training.view_dataset import make_view_dataset

TRANSFORM = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
VIEWS = (ResizedCrop(min_area=0.3, max_stretch=1.33),)
PRETEXTS = {
    "simclr": SimClr(temperature=0.5, projection_dim=8, positives="view"),
    "byol": Byol(decay=0.9, projection_dim=8, predictor=True, batch_norm=True, positives="view"),
    "dino": Dino(
        num_prototypes=12, projection_dim=8, decay=0.9, student_temperature=0.1, teacher_temperature=0.04,
        centre_decay=0.9, batch_norm=True, positives="view",
    ),
}  # fmt: skip
NUM_STEPS = 3  # of each of 3 epochs


def fit(name, checkpoints=None, is_watched=True, epochs=3):
    """The weights of the encoder, and the history."""
    packed = make_packed(["train"] * 18 + ["pool"] * 6 + ["val"] * 6)
    torch.manual_seed(0)
    encoder = Small(width=8)
    samples = make_view_dataset(packed, PRETEXTS[name], TRANSFORM, VIEWS)
    watch = FeatureWatch(packed, TRANSFORM, VIEWS) if is_watched else lambda encoder: {}
    options = Pretraining(
        epochs=epochs, batch_size=8, learning_rate=0.01, weight_decay=0.01, warmup_fraction=0.1, precision="fp32",
        compile=False, deterministic=True, checkpoint_seconds=0, min_steps=0, seed=0,
    )  # fmt: skip
    history = options.fit(encoder, samples, (3, 16, 16), watch, lambda epoch, row: None, checkpoints)
    return encoder.state_dict(), history


def same(one, other):
    return one[1] == other[1] and all(torch.equal(value, other[0][name]) for name, value in one[0].items())


@pytest.fixture(scope="module", params=PRETEXTS)
def undisturbed(request):
    return request.param, fit(request.param)


@pytest.fixture
def store(tmp_path):
    lines = []
    found = Checkpoints(tmp_path / "key", lines.append)
    yield found
    assert lines == []


# each step writes one checkpoint and each epoch one more at its end: 1 is within an epoch, 3 before its end
def test_killed_again_and_again_it_ends_with_the_same_bits(undisturbed, store):
    name, expected = undisturbed
    for written in (1, 3, 4):
        with pytest.raises(Killed):
            fit(name, Dying(store, written))
    assert same(fit(name, store), expected)


def test_watching_changes_no_bit_of_the_training(undisturbed):
    name, (weights, history) = undisturbed
    unwatched, plain = fit(name, is_watched=False)
    assert all(torch.equal(value, weights[key]) for key, value in unwatched.items())
    assert [row["loss"] for row in plain] == [row["loss"] for row in history]
    assert "spread" in history[0]
    assert "spread" not in plain[0]


def test_a_checkpoint_has_the_teacher(store):
    fit("byol", store)
    tensors, _ = store.latest()
    names = {name.removeprefix("objective/network.") for name in tensors if name.startswith("objective/")}
    assert {"student.encoder.body.0.weight", "teacher.module.encoder.body.0.weight", "teacher.n_averaged"} <= names
    assert tensors["objective/network.teacher.n_averaged"] == 1 + 3 * NUM_STEPS
    assert not torch.equal(
        tensors["objective/network.student.encoder.body.0.weight"],
        tensors["objective/network.teacher.module.encoder.body.0.weight"],
    )
