"""Pairs of samples by their views: cuts of one video are found, other videos are not joined."""

import numpy as np
import pandas as pd
import pytest
from films import film, moving_texture, reading

from pipeline.clips import decoder_process
from pipeline.core.errors import UserError
from pipeline.datasets.near_duplicates.groups import add_duplicate_group
from pipeline.datasets.near_duplicates.pairing import find_duplicates, of_samples
from pipeline.datasets.near_duplicates.photo_pairs import CandidatePairs, DuplicateSearch
from pipeline.images.decoding import content_hash
from pipeline.media.clip_codec import ClipCodec
from pipeline.media.reader import SampleReader

SEARCH = DuplicateSearch(min_similarity=0.93, min_distinctiveness=0.7, num_neighbours=1)  # as conf/config.yaml has it
CODEC = ClipCodec(reading=reading(num_frames=2))


class Films:
    """A source of these films."""

    def __init__(self, films):
        self.films = films

    def open(self, path):
        return self.films[path]


def cuts(video):
    """Two cuts that overlap in 30 of 60 frames, the second one compressed more, and a copy in another format."""
    return {
        "a": film(video[:60], rate=25, preset="veryfast"),
        "b": film(video[30:90], rate=25, crf="32", preset="veryfast"),
        "c": film(video[10:70], rate=25, container="avi", codec="mpeg4", b="400000"),
    }


@pytest.fixture(scope="module")
def films():
    """Three cuts each of three videos of one style, and one cut each of three more."""
    found = {f"{seed}{name}": data for seed in range(3) for name, data in cuts(moving_texture(seed)).items()}
    single = {f"{seed}a": film(moving_texture(seed, 60), rate=25, preset="veryfast") for seed in range(3, 6)}
    yield found | single
    decoder_process.stop()


@pytest.fixture(scope="module")
def manifest(films):
    hashes = [content_hash(CODEC.decode(data)) for data in films.values()]
    return pd.DataFrame({"sample_id": list(films), "path": list(films), "content_hash": hashes})


@pytest.fixture(scope="module")
def found(films, manifest):
    return find_duplicates(SampleReader(source=Films(films), codec=CODEC), manifest, SEARCH)


def test_cuts_of_a_video_are_joined_and_other_videos_are_not(manifest, found):
    groups = add_duplicate_group(manifest, found).set_index("sample_id")["duplicate"]
    for seed in range(3):
        assert groups[[f"{seed}a", f"{seed}b", f"{seed}c"]].tolist() == [f"{seed}a"] * 3
    assert groups[[f"{seed}a" for seed in range(3, 6)]].isna().all()


def before_one_camera(seed):
    """(T, H, W, 3) a disc of a grey level of its own that moves on a curve of its own before one background."""
    generator = np.random.default_rng(seed)
    phase, speed = generator.uniform(0, 6, 2), generator.uniform(0.5, 2, 2)
    down, across = np.mgrid[:96, :128]
    frames = np.repeat(moving_texture(99, 1), 90, axis=0)
    for frame, angle in zip(frames, np.arange(90) * 2 * np.pi / 60, strict=True):
        centre = 48 + 30 * np.sin(speed[0] * angle + phase[0]), 64 + 45 * np.cos(speed[1] * angle + phase[1])
        frame[(down - centre[0]) ** 2 + (across - centre[1]) ** 2 < 18**2] = 20 + 40 * (seed % 6)
    return frames


def test_clips_before_one_camera_are_joined_only_where_the_same_happens():
    """Without the frames around key frames, 51 pairs of 25 such clips are joined, since discs meet at places."""
    clips = {f"{seed:02d}a": before_one_camera(seed)[:60] for seed in range(12)}
    clips |= {f"{seed:02d}b": before_one_camera(seed)[30:] for seed in range(3)}
    manifest = pd.DataFrame({"sample_id": list(clips), "path": list(clips)})
    manifest["content_hash"] = [content_hash(CODEC.decode(frames)) for frames in clips.values()]
    found = find_duplicates(SampleReader(source=Films(clips), codec=CODEC), manifest, SEARCH)
    assert found[["left", "right"]].to_numpy().tolist() == [[f"{seed:02d}a", f"{seed:02d}b"] for seed in range(3)]


def test_pairs_are_of_samples_each_once_in_order(found):
    assert (found["left"] < found["right"]).all()
    assert not found.duplicated(["left", "right"]).any()
    assert found["left"].is_monotonic_increasing
    assert found["similarity"].between(0.93, 1).all()


def test_a_clip_that_has_changed_is_one_line(films, manifest):
    changed = {**films, "1a": films["2a"]}
    with pytest.raises(UserError, match=r"^1a has changed since ingest; run dvc repro to ingest again$"):
        find_duplicates(SampleReader(source=Films(changed), codec=CODEC), manifest, SEARCH)


def test_of_views_the_most_similar_pair_counts():
    """Samples 0 (views 0 and 1), 1 (2 and 3) and 2 (4)."""
    views = CandidatePairs(
        pairs=np.array([[0, 2, 0], [0, 3, 1], [1, 3, 0], [1, 4, 0]]),
        similarity=np.array([0.95, 0.99, 0.97, 0.94]),
        distinctiveness=np.array([0.9, 0.8, 0.7, 0.95]),
    )
    found = of_samples(views, np.array([0, 0, 1, 1, 2]))
    assert found.pairs.tolist() == [[0, 1, 1], [0, 2, 0]]
    assert found.similarity.tolist() == [0.99, 0.94]
    assert found.distinctiveness.tolist() == [0.8, 0.95]
