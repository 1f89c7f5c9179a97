"""Objectives that compare rows: each loss against an obvious loop, and which weights it moves."""

import itertools
import math

import numpy as np
import pytest
import torch
import yaml
from conf_options import CONF
from file_options import from_file
from hypothesis import given, settings
from hypothesis import strategies as st
from pretraining_examples import make_packed

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.resized_crop import ResizedCrop
from pipeline.training.objectives import comparison
from pipeline.training.objectives.pairwise import Pairwise
from pipeline.training.objectives.simclr import SimClr
from pipeline.training.objectives.triplet import Triplet
from pipeline.training.view_dataset import make_view_dataset

TRANSFORM = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
CROP = ResizedCrop(min_area=0.5, max_stretch=1.2)
NAMES = ["simclr", "supcon", "pairwise", "triplet"]
MAKERS = {
    "simclr": lambda positives="view": SimClr(temperature=0.2, projection_dim=6, positives=positives),
    "pairwise": lambda positives="view": Pairwise(margin=0.9, projection_dim=6, positives=positives),
    "semihard": lambda positives="view": Triplet(margin=0.3, miner="semihard", projection_dim=6, positives=positives),
    "hard": lambda positives="view": Triplet(margin=0.3, miner="hard", projection_dim=6, positives=positives),
}


def unit(outputs: np.ndarray) -> np.ndarray:
    return outputs / np.linalg.norm(outputs, axis=1, keepdims=True)


def simclr_by_loops(outputs, keys, temperature=0.2):
    """Of each row, the mean over its positives of -log softmax over all other rows (Khosla 2020, equation 2)."""
    rows, each = unit(outputs), []
    for i in range(len(rows)):
        others = [a for a in range(len(rows)) if a != i]
        total = sum(math.exp(rows[i] @ rows[a] / temperature) for a in others)
        own = [p for p in others if keys[p] == keys[i]]
        if own:
            each.append(-np.mean([math.log(math.exp(rows[i] @ rows[p] / temperature) / total) for p in own]))
    return np.mean(each)


def pairwise_by_loops(outputs, keys, margin=0.9):
    """Half of d^2 over pairs that belong together, and half of (margin - d)^2 over others that are nearer."""
    rows, near, far = unit(outputs), [], []
    for i, j in itertools.permutations(range(len(rows)), 2):
        distance = math.dist(rows[i], rows[j])
        if keys[i] == keys[j]:
            near.append(distance**2 / 2)
        elif distance < margin:
            far.append((margin - distance) ** 2 / 2)
    return (np.mean(near) if near else 0) + (np.mean(far) if far else 0)


def triplet_by_loops(outputs, keys, miner, margin=0.3):
    """Of each row its farthest positive and the nearest negative; of `semihard`, of those beyond that positive."""
    rows, costs = unit(outputs), []
    for i in range(len(rows)):
        own = [math.dist(rows[i], rows[j]) for j in range(len(rows)) if j != i and keys[j] == keys[i]]
        others = [math.dist(rows[i], rows[j]) for j in range(len(rows)) if keys[j] != keys[i]]
        if own:
            allowed = [one for one in others if miner == "hard" or one > max(own)]
            costs += [max(own) - min(allowed) + margin] if allowed else []
    costly = [one for one in costs if one > 0]
    return np.mean(costly) if costly else 0.0


ORACLES = {
    "simclr": simclr_by_loops,
    "pairwise": pairwise_by_loops,
    "semihard": lambda outputs, keys: triplet_by_loops(outputs, keys, "semihard"),
    "hard": lambda outputs, keys: triplet_by_loops(outputs, keys, "hard"),
}


def loss_of(name, outputs, keys):
    torch.manual_seed(0)
    objective = MAKERS[name]().objective(Small(width=2), (3, 16, 16))
    return objective.loss(outputs, torch.as_tensor(keys))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(sorted(ORACLES)), st.integers(0, 10**6), st.integers(2, 6), st.booleans())
def test_the_loss_is_that_of_an_obvious_loop(name, seed, num_keys, is_class):
    """Keys of two views a picture, and keys that repeat among pictures, as those of a class do."""
    generator = np.random.default_rng(seed)
    pictures = generator.integers(num_keys, size=8) if is_class else np.arange(8)
    keys = np.repeat(np.append(pictures[:-1], pictures[0] + 1), 2)  # never of one key alone
    centres = generator.normal(size=(keys.max() + 1, 5))
    outputs = centres[keys] + generator.normal(size=(16, 5)) * generator.choice([0.3, 1.0])
    found = loss_of(name, torch.from_numpy(outputs.astype(np.float32)), keys)
    assert found.item() == pytest.approx(ORACLES[name](outputs.astype(np.float32).astype(float), keys), abs=2e-5)


def test_rows_that_are_perfect_count_too():
    """At a low temperature most losses are exactly 0, and equal rows have a distance of exactly 0."""
    keys = np.repeat(np.arange(6), 2)
    outputs = np.repeat(np.eye(6), 2, axis=0)
    outputs[1] = outputs[3] = 0.5
    rows, facts = torch.tensor(outputs, dtype=torch.float32), torch.tensor(keys)
    cold = SimClr(temperature=0.01, projection_dim=6, positives="view")
    pairs = MAKERS["pairwise"]()
    for pretext, expected in (
        (cold, simclr_by_loops(outputs, keys, 0.01)),
        (pairs, pairwise_by_loops(outputs, keys)),
    ):
        found = pretext.objective(Small(width=1), (3, 16, 16)).loss(rows, facts)
        assert float(found) == pytest.approx(expected, rel=1e-4)


def test_losses_of_four_rows_by_hand():
    """Two pictures at a right angle, their views alike: cosines of 1 within and 0 across, distances of 0 and sqrt 2."""
    outputs = torch.tensor([[2.0, 0], [2, 0], [0, 1], [0, 1]], requires_grad=True)
    keys = [5, 5, 7, 7]
    assert loss_of("simclr", outputs, keys).item() == pytest.approx(math.log(1 + 2 * math.exp(-5)), rel=1e-5)
    assert loss_of("pairwise", outputs, keys).item() == 0  # farther than the margin
    assert loss_of("semihard", outputs, keys).item() == 0
    crossed = [5, 7, 5, 7]
    assert loss_of("pairwise", outputs, crossed).item() == pytest.approx(2 / 2 + 0.9**2 / 2, rel=1e-5)
    assert loss_of("hard", outputs, crossed).item() == pytest.approx(math.sqrt(2) + 0.3, rel=1e-5)
    lonely = loss_of("semihard", outputs, crossed)  # no negative is farther than the positive
    lonely.backward()
    assert lonely.item() == 0
    assert outputs.grad is not None
    assert outputs.grad.abs().max() == 0


@pytest.mark.parametrize("positives", ["view", "group", "class"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_encoder_and_head(name, positives):
    node = yaml.safe_load((CONF / "objective" / f"{name}.yaml").read_text(encoding="utf-8"))
    pretext = config.build({**node, "positives": positives, "projection_dim": 4}, "objective")
    groups = [f"g{number // 2}" for number in range(12)]
    packed = make_packed(["train"] * 12, group=groups, labels=[["ab"[number % 2]] for number in range(12)])
    samples = make_view_dataset(packed, pretext, TRANSFORM, (CROP,))
    chosen_rows = np.arange(12) if positives != "group" else np.arange(0, 12, 2)
    images, keys = samples.make_batch(chosen_rows, seed=0)
    assert len(images) == len(keys) == 2 * len(chosen_rows)
    assert keys[::2].tolist() == keys[1::2].tolist()
    assert len(keys.unique()) == {"view": 12, "group": 6, "class": 2}[positives]
    torch.manual_seed(0)
    encoder = Small(width=2)
    objective = pretext.objective(encoder, (3, 16, 16))
    outputs = objective.network(images)
    assert outputs.shape == (len(images), 4)
    objective.loss(outputs, keys).backward()
    first, last = next(encoder.parameters()), objective.network.head[-1].weight
    for weight in (first, last):
        assert torch.isfinite(weight.grad).all()
        assert weight.grad.abs().max() > 0
    assert all(one is other for one, other in zip(encoder.parameters(), objective.network.parameters(), strict=False))


@pytest.mark.parametrize("positives", ["group", "class"])
def test_a_batch_of_one_key_is_refused(positives):
    objective = MAKERS["simclr"](positives).objective(Small(width=2), (3, 16, 16))
    with pytest.raises(UserError, match=rf"^all 4 rows of a batch are of one {positives}, so there is nothing to tell"):
        objective.loss(torch.rand(4, 6), torch.tensor([3, 3, 3, 3]))


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_without_the_package_one_line_says_what_to_install(name, monkeypatch):
    monkeypatch.setattr(comparison, "PACKAGE", "a_package_that_is_missing")
    with pytest.raises(UserError, match=r"^\w+ needs the package 'pytorch-metric-learning'.*colibri\[pretrain\]"):
        MAKERS[name]()


@pytest.mark.parametrize(
    ("kind", "choices", "message"),
    [
        (SimClr, {"temperature": 0.0, "projection_dim": 4, "positives": "view"}, r"^temperature must be above 0"),
        (Pairwise, {"margin": 2.1, "projection_dim": 4, "positives": "view"}, r"^margin must be above 0 and at most 2"),
        (Pairwise, {"margin": 1.0, "projection_dim": 0, "positives": "view"}, r"^projection_dim must be at least 1"),
        (Pairwise, {"margin": 1.0, "projection_dim": 4, "positives": "label"}, r"^positives must be "),
        (Triplet, {"margin": 0.2, "miner": "all", "projection_dim": 4, "positives": "view"}, r"^miner must be "),
    ],
)
def test_what_a_choice_may_be(kind, choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(kind, **choices)
