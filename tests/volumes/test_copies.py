"""Which volumes count as copies of one recording."""

import numpy as np

from pipeline.datasets.near_duplicates.photo_pairs import shrink
from pipeline.datasets.near_duplicates.template_matching import match_similarity
from pipeline.media.volume import Volume
from pipeline.volumes.resampling import resize
from pipeline.volumes.views import copy_pictures, projections

CODEC = Volume().codec({"max_pixels": 10_000})


def body(*centres: tuple[int, int, int]) -> np.ndarray:
    """Short rods along the axes through the middle of (40, 40, 40), and balls of a radius of 6."""
    axes = np.indices((40, 40, 40))
    rods = [(abs(axes[one] - 20) < 2) & (abs(axes[other] - 20) < 3) for one, other in ((0, 1), (1, 2), (2, 0))]
    middle = np.any(rods, axis=0) & (abs(axes - 20).max(axis=0) < 8)
    balls = [((axes - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) < 36 for centre in centres]
    return (np.any([middle, *balls], axis=0) * 255).astype(np.uint8)


ONE, OTHER = body((30, 30, 30), (10, 10, 10)), body((30, 30, 10), (10, 10, 30))


def similarities(left: np.ndarray, right: np.ndarray, mirrored: bool = False) -> list[float]:
    """Of three slices and of the mean along each axis; a pair of volumes is as similar as the least of these."""
    views = [CODEC.decode_with_views(volume)[1] for volume in (left, right)]
    pair = np.array([[0, 1, int(mirrored)]])
    return [
        float(match_similarity(np.stack([shrink(one), shrink(other)]), pair)[0])
        for one, other in zip(views[0][0], views[1][0], strict=True)
    ]


def test_volumes_that_agree_in_the_slices_that_are_shown_are_no_copies() -> None:
    assert np.array_equal(CODEC.show(ONE), CODEC.show(OTHER))
    found = similarities(ONE, OTHER)
    assert found[0] > 0.99
    assert min(found) < 0.7


def test_a_resampled_and_noisy_copy_is_found() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (42, 42, 42))
    copy = np.clip(resize(ONE, (42, 42, 42)) + noise, 0, 255).astype(np.uint8)
    assert min(similarities(ONE, copy)) > 0.93  # near_duplicates.min_similarity


def test_a_mirrored_copy_is_found_as_such() -> None:
    lopsided = body((30, 30, 30), (10, 10, 12), (20, 32, 8))
    noise = np.random.default_rng(0).normal(0, 10, (42, 42, 42))
    copy = np.clip(resize(CODEC.mirror(lopsided), (42, 42, 42)) + noise, 0, 255).astype(np.uint8)
    assert min(similarities(lopsided, copy, mirrored=True)) > 0.93
    assert min(similarities(lopsided, copy)) < 0.8


def test_the_pictures_of_a_mirrored_volume_are_mirrored() -> None:
    volume = np.random.default_rng(0).integers(0, 255, (5, 7, 6), dtype=np.uint8)
    volume[2, 3] = 255
    of_it, of_other = copy_pictures(volume), copy_pictures(CODEC.mirror(volume))
    for one, other in zip(of_it[1:], of_other[1:], strict=True):
        assert np.array_equal(one[:, ::-1], other)
    assert of_it[0].shape == (192, 64)
    whole, side = CODEC.show(volume), CODEC.show(CODEC.mirror(volume))
    assert np.array_equal(whole[:, :6][:, ::-1], side[:, :6])  # from above
    assert np.array_equal(whole[:, -7:], side[:, -7:])  # from the side


def test_projections_are_means_with_white_at_the_brightest_place() -> None:
    made = np.zeros((2, 2, 2), np.uint8)
    made[0, 0, 0], made[1, 0, 0], made[0, 1, 0] = 100, 100, 50
    assert [one.tolist() for one in projections(made)] == [
        [[255, 0], [63, 0]],
        [[255, 0], [170, 0]],
        [[255, 127], [255, 0]],
    ]
    assert projections(np.zeros((2, 3, 4), np.uint8))[0].max() == 0
