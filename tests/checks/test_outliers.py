"""Pictures that resemble nothing, measured against their own class."""

import numpy as np
import pytest
from content_examples import only, samples_of
from file_options import from_file

from pipeline.checks.outliers import TO_SIGMA, Outliers, _deviations, neighbour_distances

CHOICES = {"num_neighbours": 2, "max_deviations": 4.0, "max_share": 0.01, "on_fail": "warn"}


def test_distances_by_hand():
    features = np.array([[1, 0], [1, 0], [0, 2], [3, 3]], dtype=np.float16)  # cosines 1, 0, 0, and 0.7071 to the last
    half = np.sqrt(0.5)
    assert neighbour_distances(features, 1) == pytest.approx([0, 0, 1 - half, 1 - half], abs=1e-3)
    assert neighbour_distances(features, 2) == pytest.approx([(1 - half) / 2] * 2 + [1 - half / 2, 1 - half], abs=1e-3)
    assert neighbour_distances(features[:1], 5).tolist() == [0]


def test_deviations_by_hand():
    # logarithms 1, 2, 3, 4, 9 have the median 3, and 1 is the median of how far they lie from it
    found = _deviations(np.exp([1.0, 2, 3, 4, 9]), np.array(list("aaaaa")))
    assert found == pytest.approx(np.array([-2, -1, 0, 1, 6]) / TO_SIGMA)


def test_a_varied_class_is_not_one_of_outliers():
    distance = np.exp(np.array([0.1, 0.2, 0.3, 10, 20, 30]))
    found = _deviations(distance, np.array(list("aaabbb")))
    assert np.abs(found).max() == pytest.approx(1 / TO_SIGMA)


def crowd(num_strangers=2):
    """Two classes of 40 that each point one way, and strangers among the second that point anywhere else."""
    generator = np.random.default_rng(0)
    middle = np.repeat(np.eye(2, 64), 40, axis=0)
    features = middle + 0.05 * generator.normal(size=(80, 64))
    features[80 - num_strangers :] = generator.normal(size=(num_strangers, 64))
    return samples_of("a" * 40 + "b" * 40), only(features)


def test_strangers_are_found_and_shown():
    samples, content = crowd()
    found = Outliers(**CHOICES)(samples, content)
    assert (found.value, found.passed) == (2 / 80, False)
    assert set(list(found.worst)[:2]) == {"s078", "s079"}
    assert found.sentence.startswith("2 of 80 pictures are far less similar to all others")
    (shown,) = found.pictures.values()
    assert (set(shown[:2]), len(shown)) == ({"s078", "s079"}, 8)
    assert set(found.listing["sample_id"]) == {"s078", "s079"}
    assert found.table[0]["class"] == "b"
    assert found.table[0]["deviations"] > 4


def test_none_is_found_where_there_is_none():
    found = Outliers(**CHOICES)(*crowd(0))
    assert (found.value, found.passed, len(found.listing)) == (0.0, True, 0)
    assert found.sentence == "Every picture is about as similar to other pictures as is usual in its class."


def test_samples_without_a_label_are_a_class_of_their_own():
    found = Outliers(**CHOICES)(samples_of([[], [], ["a"]]), only(np.eye(3)))
    assert found.value == 0
    assert {row["class"] for row in found.table} == {"no label", "a"}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"num_neighbours": 0}, r"^num_neighbours must be at least 1, got 0$"),
        ({"max_deviations": 0.0}, r"^max_deviations must be above 0, got 0\.0$"),
        ({"max_share": -0.1}, r"^max_share must be 0 to 1, got -0\.1$"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(Outliers, **{**CHOICES, **choices})
