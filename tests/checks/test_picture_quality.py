"""The share of pictures with a fault, and which fault."""

import pytest
from file_options import from_file

from pipeline.checks.picture_quality import PROPERTIES, PictureQuality

GOOD = {
    "contrast": 0.2,
    "light_level": 0.9,
    "dark_level": 0.1,
    "sharpness": 0.05,
    "entropy": 7.0,
    "aspect_ratio": 1.5,
    "num_pixels": 1e4,
}
CHOICES = {
    "dark": 0.3,
    "bright": 0.95,
    "blurred": 0.004,
    "uniform": 0.01,
    "low_information": 2.4,
    "odd_aspect": 0.35,
    "odd_size": 10.0,
    "max_share": 0.25,
    "on_fail": "warn",
}


def finding(make_manifest, *changes, **choices):
    rows = [{**GOOD, **change} for change in changes]
    columns = {f"prop_{name}": [row[name] for row in rows] for name in PROPERTIES}
    return PictureQuality(**{**CHOICES, **choices})(make_manifest("a" * len(rows), **columns))


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("dark", {"light_level": 0.29}),
        ("bright", {"dark_level": 0.96}),
        ("blurred", {"sharpness": 0.003}),
        ("near-uniform", {"contrast": 0.009, "sharpness": 0.0}),
        ("low information", {"entropy": 2.3}),
        ("odd shape", {"aspect_ratio": 3.0}),
        ("odd shape", {"aspect_ratio": 1 / 3}),
        ("odd size", {"num_pixels": 1e4 * 11**2}),
        ("odd size", {"num_pixels": 1e4 / 11**2}),
    ],
)
def test_each_fault_by_hand(make_manifest, fault, change):
    found = finding(make_manifest, {}, {}, change)
    assert found.value == pytest.approx(1 / 3)
    assert found.worst == {fault: "1 of 3"}
    assert found.pictures == {fault: ["s02"]}
    assert not found.passed


@pytest.mark.parametrize(
    "change",
    [{"light_level": 0.3}, {"dark_level": 0.95}, {"sharpness": 0.004}, {"contrast": 0.01}, {"entropy": 2.4}],
)
def test_at_its_limit_a_picture_has_no_fault(make_manifest, change):
    assert finding(make_manifest, {}, {}, change).value == 0


def test_a_picture_with_two_faults_counts_once_and_the_worst_is_shown_first(make_manifest):
    dark = {"light_level": 0.2}
    found = finding(make_manifest, {}, {**dark, "entropy": 1.0}, {"light_level": 0.1}, {})
    assert found.value == 0.5
    assert found.pictures == {"dark": ["s02", "s01"], "low information": ["s01"]}


def test_a_limit_that_most_pictures_exceed_describes_the_data_set(make_manifest):
    """Digits have 0.5 to 2.8 bits: none is a fault there but one far below the others."""
    usual = [{"entropy": 1.6 + 0.02 * one} for one in range(9)]
    found = finding(make_manifest, *usual, {"entropy": 2.5})
    assert (found.value, found.worst) == (0.0, {})
    assert found.sentence == (
        "0 of 10 pictures have at least one measured fault. 9 are beyond the limit for 'low information', so that "
        "counts as usual for these pictures."
    )
    found = finding(make_manifest, *usual, {"entropy": 1.4})
    assert (found.value, found.pictures) == (0.1, {"low information": ["s09"]})


def test_pictures_that_show_nothing_are_at_fault_however_many(make_manifest):
    """A camera that gave 6 black frames of 10 does not describe the data set."""
    found = finding(make_manifest, *[{"contrast": 0.0}] * 6, *[{}] * 4)
    assert found.value == 0.6
    assert found.worst == {"near-uniform": "6 of 10"}


def test_up_to_half_of_the_pictures_can_be_at_fault(make_manifest):
    assert finding(make_manifest, {}, {}, {"entropy": 2.3}, {"entropy": 1.0}).value == 0.5


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"odd_size": 1}, r"odd_size must be above 1, got 1"),
        ({"odd_aspect": 0}, r"odd_aspect must be above 0 and at most 1, got 0"),
        ({"odd_aspect": 1.5}, r"odd_aspect must be above 0 and at most 1, got 1\.5"),
        ({"max_share": 2}, r"max_share must be 0 to 1, got 2"),
    ],
)
def test_refused_choices(choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(PictureQuality, **{**CHOICES, **choices})
