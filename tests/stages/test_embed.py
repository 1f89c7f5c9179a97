"""Frozen features of every sample, the same bytes every time."""

import numpy as np
import pytest

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.features.store import Embeddings, to_float16
from pipeline.images.storage import SquareFormat
from pipeline.models.encoders.hog import Hog
from pipeline.stages import embed

OPTIONS = {"hog": 1764, "color_histogram": 512, "efficientnet_lite0": 1280}


def made():
    return {path.name: path.read_bytes() for path in sorted(artifacts.EMBEDDINGS.iterdir())}


@pytest.mark.parametrize(
    "option", ["hog", "color_histogram", pytest.param("efficientnet_lite0", marks=pytest.mark.slow)]
)
def test_every_option_embeds_every_sample_twice_alike(ingested, option):
    ingested(f"embed={option}")
    embed.main()
    first = made()
    assert list(first) == ["card.json", "features.npy", "index.parquet"]
    embed.main()
    assert made() == first
    found = Embeddings.load()
    assert found.features.shape == (8, OPTIONS[option])
    assert found.features.dtype == np.float16
    assert np.isfinite(found.features).all()
    assert len(np.unique(found.features, axis=0)) == 8
    manifest = artifacts.read_table(artifacts.MANIFEST)
    assert found.index["sample_id"].tolist() == manifest["sample_id"].tolist()
    assert (found.card["num_samples"], found.card["feature_dim"]) == (8, OPTIONS[option])
    assert found.card["data_hash"] == artifacts.content_digest(*(one.encode() for one in manifest["content_hash"]))


def test_features_are_those_of_the_pictures(ingested, noise):
    ingested("embed=color_histogram")
    embed.main()
    params = config.load_params()
    featuring = config.instantiate(FeatureOptions, params["embed"], "embed")
    featuriser = FeatureExtractor(featuring)
    storage = SquareFormat(size=featuring.image_size, fit=featuring.fit, channels=3)
    expected = featuriser(np.stack([storage.convert(noise(seed)) for seed in range(8)]))
    np.testing.assert_allclose(Embeddings.load().features, expected, atol=1e-3)


def test_a_changed_picture_is_refused_and_nothing_is_left_half_done(ingested, picture_folder, encode, noise):
    ingested("embed=color_histogram")
    embed.main()
    before = made()
    (picture_folder / "cat" / "1.png").write_bytes(encode(noise(99)))
    with pytest.raises(UserError, match=r"^cat/1\.png has changed since ingest; run dvc repro to ingest again$"):
        embed.main()
    assert made() == before
    assert [path.name for path in artifacts.EMBEDDINGS.parent.iterdir() if path.name.startswith(".")] == []


def test_an_encoder_of_other_axes_is_refused(ingested, monkeypatch):
    ingested("embed=hog")
    monkeypatch.setattr(Hog, "spatial_rank", 3)
    message = r"^params\.yaml: embed\.encoder takes samples with 3 spatial axes, but the stored samples have 2 \("
    with pytest.raises(UserError, match=message):
        embed.main()
    assert not artifacts.EMBEDDINGS.exists()


def test_features_that_are_too_large_are_cut_not_infinite():
    (found,) = to_float16([np.array([1e9, -1e9, 0.5], dtype=np.float32)])
    assert found.tolist() == [65504, -65504, 0.5]


def test_a_wrong_choice(ingested):
    ingested("embed=color_histogram", "embed.batch_size=0")
    with pytest.raises(UserError, match=r"batch_size must be at least 1, got 0"):
        embed.main()
