"""What each corruption does to pixels, by hand."""

import numpy as np
import pytest

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.evaluation.corruptions.blur import Blur
from pipeline.evaluation.corruptions.brightness import Brightness
from pipeline.evaluation.corruptions.colour_cast import ColourCast
from pipeline.evaluation.corruptions.compression import Compression, adapt_quality
from pipeline.evaluation.corruptions.contrast import Contrast
from pipeline.evaluation.corruptions.crop import Crop
from pipeline.evaluation.corruptions.fewer_frames import FewerFrames
from pipeline.evaluation.corruptions.frame_drop import FrameDrop
from pipeline.evaluation.corruptions.noise import Noise
from pipeline.evaluation.corruptions.resolution import Resolution
from pipeline.evaluation.corruptions.rotation import Rotation
from pipeline.evaluation.corruptions.slice_thickness import SliceThickness, box_weights

FIVE = [0.1, 0.2, 0.3, 0.4, 0.5]


def random(seed=0):
    return np.random.default_rng(seed)


def pixels(*rows):
    """One picture of one channel."""
    return np.array(rows, dtype=np.uint8)[None, :, :, None]


def test_brightness_adds_to_the_largest_channel_and_keeps_the_hue():
    image = np.array([[[[100, 50, 0], [0, 0, 0], [255, 0, 0]]]], dtype=np.uint8)
    lit = Brightness(added=FIVE)(image, 2, random())  # 100 to 151: each channel times 1.51; black becomes grey
    assert lit.tolist() == [[[[151, 76, 0], [51, 51, 51], [255, 0, 0]]]]
    dark = Brightness(added=[-one for one in FIVE])(image, 2, random())
    assert dark.tolist() == [[[[49, 24, 0], [0, 0, 0], [204, 0, 0]]]]


def test_contrast_moves_pixels_towards_their_mean():
    low = Contrast(contrast_ratios=[0.5, 0.4, 0.3, 0.2, 0.0])
    image = pixels([0, 100], [100, 200])  # mean 100
    assert low(image, 1, random())[0, :, :, 0].tolist() == [[50, 100], [100, 150]]
    assert low(image, 5, random())[0, :, :, 0].tolist() == [[100, 100], [100, 100]]


def test_blur_is_as_wide_as_the_picture_is_large():
    point = np.zeros((1, 56, 56, 1), dtype=np.uint8)
    point[0, 28, 28] = 255
    width = 8**0.5  # times (56 / 224) to the power of 0.75 is 1 pixel: 255 / (2 pi) in the middle
    blurred = Blur(widths=[width, 8, 8, 8, 8])(point, 1, random())
    assert blurred.max() == pytest.approx(255 / (2 * np.pi), abs=1)
    assert Blur(widths=[0] * 5)(point, 1, random()).tolist() == point.tolist()
    colours = np.zeros((1, 8, 8, 3), dtype=np.uint8) + np.array([10, 100, 200], dtype=np.uint8)
    assert Blur(widths=[50] * 5)(colours, 1, random()).tolist() == colours.tolist()  # channels do not mix


def test_noise_has_its_deviation_and_grows_with_the_root_of_the_side():
    grey = np.full((4, 56, 56, 1), 128, dtype=np.uint8)
    changed = Noise(deviations=FIVE)(grey, 2, random()).astype(float) - 128
    assert changed.std() == pytest.approx(255 * 0.2 / 2, rel=0.03)
    assert abs(changed.mean()) < 1


def test_compression_of_one_grey_changes_nothing_and_of_noise_much():
    grey = np.full((1, 24, 24, 1), 77, dtype=np.uint8)
    compress = Compression(qualities=[90, 50, 30, 10, 1])
    assert compress(grey, 1, random()).tolist() == grey.tolist()
    noise = random().integers(0, 256, (1, 24, 24, 3), dtype=np.uint8)
    distance = [np.abs(compress(noise, one, random()).astype(float) - noise).mean() for one in (1, 3, 5)]
    assert distance == sorted(distance)
    assert distance[0] > 1


@pytest.mark.parametrize(
    ("quality", "factor", "adapted"),
    [
        (25, 1.0, 25),
        (25, 0.25, 75),  # steps of 200 %, then of 50 %
        (7, 0.17, 41),  # of 714 %, then of 121 %: severity 5 at 28 pixels
        (50, 2.0, 25),  # of 100 %, then of 200 %
        (1, 4.0, 1),
        (100, 3.0, 100),  # of nothing
    ],
)
def test_the_steps_of_a_quality_change_with_the_side(quality, factor, adapted):
    assert adapt_quality(quality, factor) == adapted


def test_compression_of_a_tiny_picture_grows_with_the_severity():
    """A digit of 28 pixels: enlarged to 224 as before, qualities from 25 to 7 did not differ."""
    digit = np.zeros((1, 28, 28, 1), dtype=np.uint8)
    digit[0, 5:23, 12:16] = 220
    digit[0, 5:8, 8:20] = 180
    compress = Compression(qualities=[25, 18, 15, 10, 7])
    distance = [np.abs(compress(digit, one, random()).astype(float) - digit).mean() for one in range(1, 6)]
    assert distance == sorted(distance)
    assert distance[4] > 1.3 * distance[0] > 0.5


def test_resolution_leaves_squares_of_one_grey():
    image = pixels([0, 100, 0, 100], [100, 200, 100, 200], [8, 8, 4, 4], [8, 8, 4, 4])
    halved = Resolution(side_ratios=[0.5] * 5)(image, 1, random())[0, :, :, 0]
    assert halved.tolist() == [[100, 100, 100, 100], [100, 100, 100, 100], [8, 8, 4, 4], [8, 8, 4, 4]]


def test_a_quarter_turn_goes_left_or_right():
    image = pixels([1, 2], [3, 4])
    found = {tuple(Rotation(degrees=[90] * 5)(image, 1, random(seed))[0, :, :, 0].ravel()) for seed in range(20)}
    assert found == {(2, 4, 1, 3), (3, 1, 4, 2)}


def test_a_crop_enlarges_a_part():
    image = np.tile(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], (1, 1, 100, 1))  # darker to the top
    part = Crop(side_ratios=[0.5] * 5)(image, 1, random())[0, :, 50, 0].astype(int)
    assert part[-1] - part[0] == pytest.approx(99, abs=3)  # half of the range
    assert Crop(side_ratios=[1.0] * 5)(image, 1, random()).tolist() == image.tolist()


def test_a_cast_scales_channels_and_leaves_grey_pictures():
    image = np.full((40, 2, 2, 3), 100, dtype=np.uint8)
    cast = ColourCast(strengths=FIVE)
    found = {tuple(one[0, 0]) for one in cast(image, 2, random())}
    assert found == {(120, 100, 80), (80, 100, 120), (110, 80, 110), (90, 120, 90)}
    assert cast(image[..., :1], 5, random()).tolist() == image[..., :1].tolist()


@pytest.mark.parametrize(
    "corruption",
    [
        Blur(widths=[6] * 5),
        Compression(qualities=[10] * 5),
        Crop(side_ratios=[0.7] * 5),
        Resolution(side_ratios=[0.3] * 5),
        Rotation(degrees=[20] * 5),
    ],
)
def test_every_frame_of_a_clip_is_changed_like_a_picture(corruption):
    pictures = random().integers(0, 256, (4, 20, 24, 3), dtype=np.uint8)
    clips = corruption(np.repeat(pictures[:, None], 3, axis=1), 1, random())
    expected = corruption(pictures, 1, random())
    for frame in range(3):
        np.testing.assert_array_equal(clips[:, frame], expected)


def numbered(number, count=1):
    """Clips whose frames have the levels 0, 10, 20, ..."""
    levels = 10 * np.arange(number, dtype=np.uint8)
    return np.broadcast_to(levels[None, :, None, None, None], (count, number, 2, 3, 1)).copy()


def levels(clips):
    assert (clips == clips[:, :, :1, :1]).all()
    return clips[:, :, 0, 0, 0].tolist()


def test_lost_frames_are_the_ones_before():
    drop = FrameDrop(shares=[0.0, 0.2, 0.5, 0.8, 1.0])
    clips = numbered(6, 20)
    assert levels(drop(clips, 1, random())) == levels(clips)
    assert levels(drop(clips, 5, random())) == [[0] * 6] * 20
    lost = random(4).random((20, 6)) < 0.5
    for row, found in zip(lost, levels(drop(clips, 3, random(4))), strict=True):
        shown = 0
        for frame in range(6):
            shown = frame if not row[frame] else shown
            assert found[frame] == 10 * shown
    several = np.mean([np.mean(np.diff(one) == 0) for one in levels(drop(numbered(20, 50), 4, random()))])
    assert several == pytest.approx(0.8, abs=0.05)


def test_fewer_frames_are_each_shown_longer():
    fewer = FewerFrames(frame_ratios=[1.0, 0.75, 0.5, 0.4, 0.0])
    assert levels(fewer(numbered(4), 1, random())) == [[0, 10, 20, 30]]
    assert levels(fewer(numbered(4), 2, random())) == [[0, 0, 20, 30]]
    assert levels(fewer(numbered(4), 3, random())) == [[0, 0, 20, 20]]
    assert levels(fewer(numbered(5), 4, random())) == [[0, 0, 0, 30, 30]]
    assert levels(fewer(numbered(4), 5, random())) == [[0, 0, 0, 0]]


def test_a_thick_slice_is_the_mean_of_thin_ones():
    assert box_weights(1).tolist() == [1]
    assert box_weights(0.3).tolist() == [1]
    assert box_weights(2).tolist() == [0.25, 0.5, 0.25]
    np.testing.assert_allclose(box_weights(3), [1 / 3] * 3)
    thick = SliceThickness(thicknesses=[1, 12, 16, 24, 32])
    volume = np.zeros((1, 8, 2, 2, 1), dtype=np.uint8)
    volume[:, 4] = 240
    assert levels(thick(volume, 1, random())) == [[0, 0, 0, 0, 240, 0, 0, 0]]
    assert levels(thick(volume, 2, random())) == [[0, 0, 0, 80, 80, 80, 0, 0]]  # 12 of 32 are 3 of 8
    assert levels(thick(volume, 3, random())) == [[0, 0, 30, 60, 60, 60, 30, 0]]  # 4 of 8


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("widths", [1, 2, 3], r"corruption\.blur: widths must be five numbers from 0 to 50, .* got \[1, 2, 3\]$"),
        ("widths", [1, 2, 3, 4, 99], r"widths must be five numbers from 0 to 50"),
        ("widths", "wide", r"corruption\.blur\.widths must be a valid array, got .wide.$"),
        ("width", [1, 2, 3, 4, 5], r"corruption\.blur has no parameter 'width'; did you mean 'widths'\?"),
    ],
)
def test_wrong_levels_are_named(key, values, message):
    node = {"_target_": "pipeline.evaluation.corruptions.blur.Blur", key: values}
    with pytest.raises(UserError, match=message):
        config.build_all({"corruption": {"blur": node}}, "corruption")
