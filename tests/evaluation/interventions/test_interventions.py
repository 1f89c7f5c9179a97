"""Each intervention reaches the property of the other picture, and its control goes as far the other way."""

import numpy as np
import pytest
from file_options import from_file

from pipeline.evaluation.interventions.colour_cast import ColourCast
from pipeline.evaluation.interventions.contrast import Contrast
from pipeline.evaluation.interventions.detail import Detail
from pipeline.evaluation.interventions.exposure import Exposure, shift_exposure
from pipeline.evaluation.interventions.matching import measure_property
from pipeline.evaluation.interventions.saturation import Saturation
from pipeline.evaluation.interventions.surround import Surround


def scenes(seed, low, high, channels=3):
    """Six smooth pictures with noise, between two levels of each channel."""
    generator = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, 24)[:, None, None] * np.linspace(0.5, 1, 24)[None, :, None]
    shades = np.array(low) + (np.array(high) - np.array(low)) * ramp
    noise = generator.normal(0, 4, (6, 24, 24, channels))
    return np.clip(shades[..., :channels] + noise, 0, 255).astype(np.uint8)


DARK, BRIGHT = scenes(0, [30, 40, 30], [120, 110, 100]), scenes(1, [90, 60, 100], [220, 190, 240])
FLAT, STRONG = scenes(2, [110] * 3, [140] * 3), scenes(3, [60] * 3, [230] * 3)
MILD, VIVID = scenes(4, [90, 100, 110], [110, 120, 130]), scenes(5, [40, 90, 150], [90, 110, 210])
CASES = [
    (Exposure(properties=["brightness"], max_strength=3.0), "brightness", DARK, BRIGHT),
    (Exposure(properties=["dark_level"], max_strength=3.0), "dark_level", DARK, BRIGHT),
    (Contrast(properties=["contrast"], max_strength=2.0), "contrast", FLAT, STRONG),
    (Saturation(properties=["saturation"], max_strength=2.0), "saturation", MILD, VIVID),
    (ColourCast(properties=["red_green"], max_strength=0.5), "red_green", DARK, BRIGHT),
    (ColourCast(properties=["blue_yellow"], max_strength=0.5), "blue_yellow", MILD, VIVID),
    (Detail(properties=["sharpness"], max_strength=3.0, sigma=1.0), "sharpness", FLAT, STRONG),
    *(
        (Surround(properties=[name], max_strength=3.0, width=0.1, blur=0.1), name, DARK, BRIGHT)
        for name in ("border_brightness", "border_red_green", "corner_top_left", "corner_bottom_right_blue_yellow")
    ),
]


@pytest.mark.parametrize(
    ("intervention", "name", "low", "high"), CASES, ids=lambda one: one if isinstance(one, str) else ""
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_property_of_the_other_picture_is_reached(intervention, name, low, high, turned):
    before, other = (high, low) if turned else (low, high)
    after, control = intervention(before, before[::-1], other, name)
    now, then, wanted, away = (measure_property(one, name) for one in (before, after, other, control))
    np.testing.assert_allclose(then, wanted, atol=0.012 + 0.05 * np.abs(wanted - now).max())
    assert (np.sign(away - now) == -np.sign(wanted - now)).all()
    assert after.dtype == control.dtype == np.uint8
    assert after.shape == control.shape == before.shape


def test_a_shift_of_exposure_by_hand():
    """The logit of (127 + 0.5) / 256 is almost 0: a strength of log 3 takes it to almost 3/4 of 256, less 0.5."""
    pictures = np.array([[0, 127, 255]] * 2, dtype=np.uint8).reshape(2, 1, 3, 1)
    found = shift_exposure(pictures, np.array([np.log(3), 0.0]))
    assert found.ravel().tolist() == [1, 191, 255, 0, 127, 255]  # 0: 0.00195 has odds of 1/511, then of 3/511


def test_a_cast_changes_no_brightness_and_no_other_cast():
    intervention = ColourCast(properties=["red_green", "blue_yellow"], max_strength=0.5)
    after, _ = intervention(MILD, MILD, VIVID, "red_green")
    for name in ("brightness", "blue_yellow"):
        np.testing.assert_allclose(measure_property(after, name), measure_property(MILD, name), atol=0.003)


@pytest.mark.parametrize("intervention", [CASES[3][0], CASES[4][0]])
def test_a_grey_picture_has_no_colour_to_change(intervention):
    grey = DARK[..., :1]
    after, control = intervention(grey, grey, BRIGHT[..., :1], intervention.properties[0])
    assert (after == grey).all()
    assert (control == grey).all()


def test_the_middle_stays_as_it_is():
    border = Surround(properties=["border_brightness"], max_strength=3.0, width=0.25, blur=0.2)
    after, control = border(DARK, DARK, BRIGHT, "border_brightness")
    removed, isolated = border.remove(DARK), border.isolate(DARK)
    inside = np.s_[:, 6:18, 6:18]
    for changed in (after, control, removed):
        assert (changed[inside] == DARK[inside]).all()
        assert (changed != DARK).any()
    assert (isolated[:, :6] == DARK[:, :6]).all()
    assert np.ptp(isolated[inside].reshape(6, -1, 3), axis=1).max() == 0
    outer = np.concatenate(
        [
            DARK[0, :6].reshape(-1, 3),
            DARK[0, 18:].reshape(-1, 3),
            DARK[0, 6:18, :6].reshape(-1, 3),
            DARK[0, 6:18, 18:].reshape(-1, 3),
        ]
    )
    assert isolated[0, 12, 12].tolist() == np.rint(outer.mean(axis=0)).tolist()


def test_light_is_everywhere():
    exposure = CASES[0][0]
    assert exposure.remove(DARK) is None
    assert exposure.isolate(DARK) is None


@pytest.mark.parametrize(
    ("kind", "choices", "message"),
    [
        (
            ColourCast,
            {"properties": ["hue"], "max_strength": 1.0},
            r"properties must be among red_green, blue_yellow, got 'hue'$",
        ),
        (Exposure, {"properties": [], "max_strength": 0.0}, r"max_strength must be above 0, got 0.0$"),
        (
            Surround,
            {"properties": [], "max_strength": 1.0, "width": 0.5, "blur": 0.1},
            r"width must be above 0 and below 0.5, got 0.5$",
        ),
    ],
)
def test_wrong_choices(kind, choices, message):
    with pytest.raises(ValueError, match=message):
        from_file(kind, **choices)
