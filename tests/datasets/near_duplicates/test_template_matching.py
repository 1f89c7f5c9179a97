"""Correlation over displacements and zooms, against the obvious way."""

import numpy as np
import pytest

from pipeline.datasets.near_duplicates import photo_pairs, template_matching
from tests.photographs import photograph


def thumbnails(*pictures):
    return np.stack([photo_pairs.shrink(np.asarray(one)) for one in pictures])


def test_agrees_with_comparing_every_window():
    pictures = thumbnails(*(photograph(seed) for seed in range(4)))
    pairs = np.array([[0, 1, 0], [0, 2, 1], [3, 3, 0], [1, 3, 1]])
    found = template_matching._best_correlations(pictures, pairs, (1.0,))[:, 0]
    structure = template_matching._structure(pictures)
    margin = (template_matching.SIDE - template_matching.WINDOW) // 2
    places = range(template_matching.SIDE - template_matching.WINDOW + 1)
    for (left, right, turned), one in zip(pairs, found, strict=True):
        other = structure[right][:, ::-1] if turned else structure[right]
        part = other[margin:-margin, margin:-margin].ravel()
        windows = [
            structure[left][down : down + template_matching.WINDOW, across : across + template_matching.WINDOW].ravel()
            for down in places
            for across in places
        ]
        assert one == pytest.approx(max(np.corrcoef(window, part)[0, 1] for window in windows), abs=1e-3)


def test_zoom_finds_what_a_crop_shows_larger():
    whole = photograph(1)
    pictures = thumbnails(whole, whole.crop((12, 12, 188, 188)))  # 0.88 of each side
    pairs = np.array([[0, 1, 0], [1, 0, 0]])
    assert (template_matching.match_similarity(pictures, pairs) > 0.95).all()
    assert (
        template_matching.match_similarity(pictures, pairs, closely=False)
        < template_matching.match_similarity(pictures, pairs)
    ).all()
    assert (template_matching._best_correlations(pictures, pairs, (1.0,)) < 0.9).all()


def test_brightness_and_contrast_do_not_enter():
    one = photograph(2)
    pictures = thumbnails(one, one.point(lambda value: 60 + 0.4 * value), photograph(3))
    same, other = template_matching.match_similarity(pictures, np.array([[0, 1, 0], [0, 2, 0]]))
    assert same > 0.99
    assert other < 0.6


def test_blocks_do_not_change_the_result(monkeypatch):
    pictures = thumbnails(*(photograph(seed) for seed in range(6)))
    pairs = np.array([[left, right, 0] for left in range(6) for right in range(left, 6)])
    whole = template_matching.match_similarity(pictures, pairs)
    monkeypatch.setattr(template_matching, "BLOCK", 4)
    assert np.allclose(template_matching.match_similarity(pictures, pairs), whole, atol=1e-6)
    assert template_matching.match_similarity(pictures, pairs[:0]).shape == (0,)
    monkeypatch.setattr(template_matching, "SMALL", 2)  # from here on the engine compares
    monkeypatch.setattr("pipeline.core.parallel.SMALL", 2)
    monkeypatch.setattr("pipeline.core.parallel.num_workers", lambda: 2)
    assert np.allclose(template_matching.match_similarity(pictures, pairs), whole, atol=1e-6)
