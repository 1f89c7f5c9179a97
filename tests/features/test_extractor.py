"""Frozen features are those of the network, the same every time."""

import copy

import numpy as np
import pytest
import torch
from content_examples import chosen
from file_options import from_file

from pipeline.core import config
from pipeline.core.axes import to_tensor
from pipeline.features.extractor import FeatureExtractor, FeatureOptions

SMALL = {
    "encoder": {"_target_": "pipeline.models.encoders.small.Small", "width": 2},
    "transform": {
        "_target_": "pipeline.models.transforms.normalise.Normalise",
        "image_size": 16,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    },
    "image_size": 16,
    "fit": "crop",
    "batch_size": 4,
}


def images(num=10, side=16, channels=3):
    return np.random.default_rng(0).integers(0, 256, (num, side, side, channels), dtype=np.uint8)


@pytest.mark.parametrize("num", [1, 2, 5])
def test_features_are_what_the_network_says(num):
    featuriser = FeatureExtractor(FeatureOptions(**SMALL))
    batch = featuriser.frozen.transform(to_tensor(images(num)))
    encoder = copy.deepcopy(featuriser.frozen.encoder).to(memory_format=torch.contiguous_format)
    with torch.inference_mode():
        expected = encoder(batch.contiguous()).numpy()
    assert expected.std() > 1e-3
    np.testing.assert_allclose(featuriser(images(num)), expected, rtol=1e-3, atol=1e-5)


def test_the_same_pictures_have_the_same_features_however_they_come():
    featuriser = FeatureExtractor(FeatureOptions(**SMALL))
    pictures = images()
    found = featuriser(pictures)
    assert found.shape == (10, featuriser.feature_dim) == (10, 8)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, featuriser(pictures))
    np.testing.assert_array_equal(found, np.stack([*featuriser.stream(iter(pictures))]))
    np.testing.assert_allclose(found[3:4], featuriser(pictures[3:4]), rtol=1e-4, atol=1e-5)


def test_random_weights_are_always_the_same_ones_and_nobody_elses_draws_change():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one, other = FeatureExtractor(FeatureOptions(**SMALL)), FeatureExtractor(FeatureOptions(**SMALL))
    assert torch.rand(1) == expected
    np.testing.assert_array_equal(one(images()), other(images()))


def test_no_picture_has_no_features():
    assert FeatureExtractor(FeatureOptions(**SMALL))(images(0)).shape == (0, 8)


def test_grey_pictures_are_as_good():
    assert FeatureExtractor(FeatureOptions(**SMALL))(images(channels=1)).shape == (10, 8)


@pytest.mark.parametrize("option", ["hog", "color_histogram"])
def test_the_light_options_at_their_size(option):
    featuriser = FeatureExtractor(config.instantiate(FeatureOptions, chosen(f"embed={option}")["embed"], "embed"))
    found = featuriser(images(3, featuriser.image_size))
    assert found.shape == (3, featuriser.feature_dim)
    assert found.std() > 0


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"fit": "squeeze"}, r"^fit must be 'crop', 'pad' or 'stretch', got 'squeeze'$"),
        ({"image_size": 0}, r"^image_size must be at least 1, got 0$"),
        ({"batch_size": 0}, r"^batch_size must be at least 1, got 0$"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(FeatureOptions, **{**SMALL, **choices})
