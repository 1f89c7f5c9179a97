"""Decisions are explained: the border that a model looks at is found, and so are maps that depend on no weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from pipeline.core.decision_rule import Rule
from pipeline.core.policy import Policy
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.attributions.grad_cam import GradCam
from pipeline.evaluation.attributions.none import NoAttribution
from pipeline.evaluation.attributions.occlusion import Occlusion
from pipeline.evaluation.explanations import NO_CASES, NO_MODULE, Explainer, Options, contrast
from pipeline.evaluation.map_comparison import OTHER, RANDOMISED
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.tasks.multi_label import MultiLabel
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.network import NetworkPredictor

SIDE, STORED, NUM = 20, 24, 32
OCCLUSION = Occlusion(window=0.2, stride=0.1, batch_size=64)
LIMITS = {"max_predictions": 100, "max_pictures": 24, "per_kind": 12, "num_examples": 2, "num_randomised": 2}


class Rule2(nn.Module):
    """Class b where a part of the picture is bright: a linear rule of all pixels, whose weights are known."""

    def __init__(self, weights):
        super().__init__()
        self.head = nn.Linear(SIDE * SIDE, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.stack([-weights, weights]).flatten(1))
            self.head.bias.zero_()

    def forward(self, x):
        return self.with_features(x)[0]

    def with_features(self, x):
        pixels = x.mean(dim=1).flatten(1)
        return self.head(pixels), pixels


def weights_of(place):
    """Of the left stripe of two pixels, or of a spot in the middle; the sum over the rest is taken off."""
    weights = torch.zeros(SIDE, SIDE)
    if place == "border":
        weights[:, :2] = 1 / 40
    else:
        weights[7:12, 6:14] = 1 / 40
    return weights


def packed(place="border", labels=None):
    """Noise, and light in the stripe or the spot of those with label b."""
    generator = np.random.default_rng(0)
    images = generator.normal(120, 30, (NUM, STORED, STORED, 1))
    names = labels or [["b"] if row % 2 else ["a"] for row in range(NUM)]
    margin = (STORED - SIDE) // 2
    where = np.pad(weights_of(place).numpy(), margin) > 0
    sign = np.array([1 if "b" in one else -1 for one in names])
    images[..., 0] += 40 * where * sign[:, None, None]
    index = pd.DataFrame(
        {
            "sample_id": [f"{row:02d}" for row in range(NUM)],
            "split": "test",
            "labels": names,
            "group": [f"group {row // 4}" for row in range(NUM)],
        }
    )
    return PackedDataset(np.clip(images, 0, 255).astype(np.uint8), index, {"classes": ["a", "b"]})


def explain(attribution=OCCLUSION, place="border", predictor=None, dataset=None, task=None, **changes):
    dataset = dataset or packed(place)
    transform = Normalise(image_size=SIDE, mean=[0.5] * 3, std=[0.5] * 3)
    task = task or SingleLabel(label_smoothing=0.0)
    predictor = predictor or NetworkPredictor(Rule2(weights_of(place)), task, transform, ["identity"], "fp32")
    policy = Policy(
        training_key="key",
        exclusive=task.exclusive,
        temperatures=(1.0, 1.0),
        rule=Rule(),
        abstention="never",
        min_confidence=0.5,
        coverage=0.9,
        set_thresholds=None,
        notes=(),
        num_samples=10,
        num_groups=10,
    )
    explainer = Explainer(
        packed=dataset,
        predictor=predictor,
        policy=policy,
        reference=None,
        transform=transform,
        attribution=attribution,
        options=Options(**{**LIMITS, "max_reproduced": 0.5, "num_resamples": 100, "seed": 0, **changes}),
    )
    return explainer(dataset.index)


def test_a_model_that_looks_at_the_border_is_found_and_one_that_looks_at_the_middle_is_not():
    found = explain()
    assert found.note == "24 decisions on test are explained."
    assert found.border_area == pytest.approx(0.36)
    for name in ("border_share", "border_share/a", "border_share/b"):
        assert found.figures[name].low > found.border_area, name
    assert explain(place="middle").figures["border_share"].high < 0.2


def test_maps_of_a_trained_model_depend_on_its_weights():
    found = explain(place="middle")
    assert (found.state, found.method) == ("depend", "occlusion")
    assert found.figures[RANDOMISED].n == 24


class EdgesAttribution:
    """The edges of the picture, whatever the model is."""

    title = "edges"
    explains = True

    def __call__(self, model, pictures, classes):
        return pictures.mean(dim=1).diff(dim=1, append=pictures.mean(dim=1)[:, -1:])


def test_maps_that_show_edges_whatever_the_weights_are_found():
    found = explain(EdgesAttribution())
    assert found.state == "do_not_depend"
    assert found.figures[RANDOMISED].value == pytest.approx(1)
    assert found.figures[OTHER].high < 0.3


def test_examples_hold_what_the_model_sees_and_both_maps():
    dataset = packed()
    found = explain(dataset=dataset, num_examples=1)
    assert [(one.label, one.kind) for one in found.examples] == [("a", "right"), ("b", "right")]
    first = found.examples[0]
    row = int(first.sample_id)
    assert np.array_equal(first.picture, dataset.images[row, 2:22, 2:22])
    assert first.maps.shape == (2, SIDE, SIDE)
    assert np.abs(first.maps).max(axis=(1, 2)).tolist() == [1, 1]
    assert first.labels == ["a"]
    assert explain(num_examples=0).examples == []


def test_the_same_again_is_the_same():
    before, after = explain(), explain()
    assert before.to_json() == after.to_json()
    assert all(np.array_equal(one.maps, two.maps) for one, two in zip(before.examples, after.examples, strict=True))


def test_several_labels():
    labels = [[name for name, bit in (("a", row & 1), ("b", row & 2)) if bit] for row in range(NUM)]
    task = MultiLabel(thresholds=[0.5, 0.5])
    found = explain(dataset=packed(labels=labels), task=task, per_kind=8, max_pictures=99)
    kinds = {(one.label, one.kind) for one in found.examples}
    assert ("b", "right") in kinds
    assert {kind for _, kind in kinds} <= {"right", "wrong", "missed"}
    assert found.figures["border_share/b"].low > found.border_area


def test_an_output_that_all_classes_share_is_taken_off():
    model = contrast(nn.Linear(4, 3), exclusive=True)
    outputs = model(torch.rand(5, 4))
    torch.testing.assert_close(outputs.sum(dim=1), torch.zeros(5))
    layer = nn.Linear(4, 3)
    assert contrast(layer, exclusive=False) is layer


class Reader:
    """A model that looks at no picture."""

    task = SingleLabel(label_smoothing=0.0)


def test_why_nothing_is_explained():
    assert explain(predictor=Reader()).note == NO_MODULE
    found = explain(GradCam())
    assert found.note.startswith("Nothing was explained: attribution=grad_cam needs a convolutional network, ")
    assert (found.method, found.figures) == ("", {})
    empty = packed()
    assert explain(dataset=PackedDataset(empty.images[:0], empty.index[:0], empty.card)).note == NO_CASES


class RuleOfFrame(Rule2):
    """The same rule, of one frame of a clip alone."""

    def __init__(self, weights, frame):
        super().__init__(weights)
        self.frame = frame

    def with_features(self, x):
        return super().with_features(x[:, :, self.frame])


def test_of_a_clip_the_frame_is_shown_that_counts_most():
    pictures = packed("middle")
    clips = np.full((NUM, 5, STORED, STORED, 1), 120, dtype=np.uint8)
    clips[:, 1] = np.random.default_rng(1).integers(0, 256, clips[:, 1].shape)
    clips[:, 3] = pictures.images
    dataset = PackedDataset(clips, pictures.index, pictures.card)
    transform = Normalise(image_size=SIDE, mean=[0.5] * 3, std=[0.5] * 3)
    network = RuleOfFrame(weights_of("middle"), 3)
    task = SingleLabel(label_smoothing=0.0)
    predictor = NetworkPredictor(network, task, transform, ["identity"], "fp32")
    found = explain(predictor=predictor, dataset=dataset)
    of_pictures = explain(place="middle")
    assert found.state == "depend"
    assert found.figures["border_share"].value == pytest.approx(of_pictures.figures["border_share"].value, abs=1e-4)
    for one, other in zip(found.examples, of_pictures.examples, strict=True):
        assert (one.frame, other.frame) == (3, None)
        np.testing.assert_array_equal(one.picture, other.picture)
        assert np.corrcoef(one.maps[0].ravel(), other.maps[0].ravel())[0, 1] > 0.99  # of another mean colour
    assert found.examples[0].to_json()["frame"] == 3
    assert "frame" not in of_pictures.examples[0].to_json()


def test_maps_of_zeros_cannot_be_compared_and_have_no_border():
    found = explain(NoAttribution())
    assert found.state == "cannot_be_judged"
    assert found.figures["border_share"].value is None
    assert found.examples[0].correlation is None
