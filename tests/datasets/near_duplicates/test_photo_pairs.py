"""The same photograph is found whatever was done to it, and look-alikes are not."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.datasets.near_duplicates import photo_pairs
from pipeline.datasets.near_duplicates.photo_pairs import DuplicateSearch, NeighbourSearch
from pipeline.statistics import nearest_neighbors
from tests.photographs import CHANGES, look_alike, photograph


def thumbnails(pictures):
    return np.stack([photo_pairs.shrink(np.asarray(one)) for one in pictures])


def duplicate_pairs(found, min_distinctiveness=0.7):
    return {tuple(pair) for pair in found.pairs[found.distinctiveness >= min_distinctiveness, :2].tolist()}


ORIGINALS = [photograph(seed) for seed in range(40)]
ALIKE = [look_alike(seed) for seed in range(60)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change):
    found = photo_pairs.find_pairs(thumbnails([*ORIGINALS, CHANGES[change](ORIGINALS[7])]), 0.93, 1)
    assert found.pairs.tolist() == [[7, 40, int(change == "mirrored")]]
    assert found.similarity[0] >= 0.93
    assert found.distinctiveness[0] >= 0.9


def test_where_everything_looks_alike_likeness_alone_proves_nothing():
    found = photo_pairs.find_pairs(thumbnails(ALIKE), 0.93, 1)
    assert len(found.pairs) >= 100
    assert found.distinctiveness.max() < 0.5
    assert duplicate_pairs(found) == set()


def test_copies_are_found_where_everything_looks_alike():
    planted = [(number, change) for number in (3, 20, 41) for change in CHANGES]
    pictures = [*ALIKE, *(CHANGES[change](ALIKE[number + place]) for place, (number, change) in enumerate(planted))]
    found = photo_pairs.find_pairs(thumbnails(pictures), 0.93, 1)
    true = {(number + place, 60 + place) for place, (number, _) in enumerate(planted)}
    assert len(found.pairs) >= 5 * len(true)
    assert duplicate_pairs(found) == true


def test_distinction_by_hand(monkeypatch):
    """Two are 0.98 alike, and others 0.9 like the one and 0.96 like the other: (0.98 - 0.96) / (1 - 0.96) = 0.5."""
    monkeypatch.setattr(photo_pairs, "candidates", lambda *_: np.array([[0, 1, 0], [0, 1, 1]]))
    monkeypatch.setattr(photo_pairs, "match_similarity", lambda *_: np.array([0.98, 0.95]))
    monkeypatch.setattr(photo_pairs, "background_similarity", lambda _, __, rows: np.array([0.9, 0.96])[rows])
    found = photo_pairs.find_pairs(thumbnails(ORIGINALS[:2]), 0.93, 1)
    assert (found.pairs.tolist(), found.similarity.tolist()) == ([[0, 1, 0]], [0.98])
    assert found.distinctiveness == pytest.approx([0.5])


def test_a_photograph_that_is_there_eight_times_is_no_crowd():
    generator = np.random.default_rng(0)
    pixels = np.asarray(ORIGINALS[0], dtype=float)
    copies = [np.clip(pixels + generator.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8) for _ in range(7)]
    found = photo_pairs.find_pairs(thumbnails([*ORIGINALS, *copies]), 0.93, 2)
    assert {place for pair in duplicate_pairs(found) for place in pair} == {0, *range(40, 47)}


def test_without_enough_pictures_there_is_no_crowd():
    few = thumbnails(ORIGINALS[:9])
    looks = NeighbourSearch(nearest_neighbors.build_index(photo_pairs._vectors(few)))
    assert photo_pairs.background_similarity(few, looks, np.arange(9)).tolist() == [0] * 9
    many = thumbnails(ORIGINALS)
    assert (
        photo_pairs.background_similarity(
            many, NeighbourSearch(nearest_neighbors.build_index(photo_pairs._vectors(many))), np.arange(3)
        )
        > 0
    ).all()


def test_pictures_without_structure_are_nobodys_twin():
    flat = np.full((20, 64, 64), 100, np.uint8)
    assert len(photo_pairs.find_pairs(flat, 0.93, 1).pairs) == 0


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_pictures_have_no_twin(number):
    found = photo_pairs.find_pairs(np.zeros((number, 64, 64), np.uint8), 0.93, 1)
    assert (len(found.pairs), len(found.similarity), len(found.distinctiveness)) == (0, 0, 0)


def test_candidates_stand_once_the_smaller_first_in_any_size_of_block(monkeypatch):
    many = thumbnails(ORIGINALS)
    index = NeighbourSearch(nearest_neighbors.build_index(photo_pairs._vectors(many)))
    pairs = photo_pairs.candidates(many, index, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
    monkeypatch.setattr(photo_pairs, "AT_ONCE", 7)
    assert np.array_equal(photo_pairs.candidates(many, index, 2), pairs)


def test_looks_are_averages_of_four_by_four():
    one = thumbnails(ORIGINALS[:1])
    pooled = one.reshape(16, 4, 16, 4).mean(axis=(1, 3)).ravel()
    expected = (pooled - pooled.mean()) / np.linalg.norm(pooled - pooled.mean())
    assert np.allclose(photo_pairs._vectors(one)[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("choice", "match"),
    [
        ({"min_similarity": 0.0}, "min_similarity must be above 0 and at most 1, got 0.0"),
        ({"min_similarity": 1.1}, "min_similarity must be above 0 and at most 1, got 1.1"),
        ({"min_distinctiveness": -0.1}, "min_distinctiveness must be 0 to 1, got -0.1"),
        ({"min_distinctiveness": 1.5}, "min_distinctiveness must be 0 to 1, got 1.5"),
        ({"num_neighbours": 0}, "num_neighbours must be at least 1, got 0"),
    ],
)
def test_refused_choices(choice, match):
    with pytest.raises(ValueError, match=match):
        from_file(
            DuplicateSearch, **{"min_similarity": 0.93, "min_distinctiveness": 0.7, "num_neighbours": 1, **choice}
        )


class Fixed:
    """An index that finds these positions, whatever is looked for."""

    def __init__(self, *positions):
        self.positions = np.array(positions)

    def search(self, vectors, number):
        return np.zeros(number), self.positions[:, :number]


def test_neighbours_of_a_view_are_other_samples_each_once():
    """Views 0, 1 and 2 are of the first sample, 3 and 4 of the second, 5 of the third, 6 of the fourth."""
    owners = np.array([0, 0, 0, 1, 1, 2, 3])
    search = NeighbourSearch(Fixed([0, 2, 4, 3, 1, 5, 6], [5, 4, 0, 3, 2, 6, -1]), owners)
    assert search(np.zeros((2, 4)), np.array([0, 5]), 3).tolist() == [[0, 4, 5], [5, 4, 0]]
    assert search(np.zeros((2, 4)), np.array([0, 5]), 6).tolist()[1] == [5, 4, 0, 6, -1, -1]
    assert search(np.zeros((2, 4)), np.array([1, 3]), 2).tolist() == [[1, 4], [3, 5]]


def test_samples_of_a_single_view_are_compared_as_without_owners():
    pictures = thumbnails(photograph(seed) for seed in (0, 1, 2, 0, 1))
    alone = photo_pairs.find_pairs(pictures, 0.9, 1)
    owned = photo_pairs.find_pairs(pictures, 0.9, 1, np.arange(5))
    assert alone.pairs.tolist() == owned.pairs.tolist() == [[0, 3, 0], [1, 4, 0]]
    np.testing.assert_array_equal(alone.distinctiveness, owned.distinctiveness)
