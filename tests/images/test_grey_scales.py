"""One grey scale for a data set: what it is, and what it makes of pixels."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.images import grey_scales
from pipeline.images.decoding import Decoding
from pipeline.images.grey_scales import GreyRange, Greys, choose, choose_with, from_option


def whole(*highs, low=0.0):
    return [(f"{number}.tif", GreyRange("whole", low, float(high))) for number, high in enumerate(highs)]


def real(*highs, low=0.0):
    return [(f"real{number}.tif", GreyRange("real", low, float(high))) for number, high in enumerate(highs)]


@pytest.mark.parametrize(
    ("found", "high"),
    [
        (whole(0), 255),
        (whole(255), 255),
        (whole(255, 256), 1023),
        (whole(1023, 3), 1023),
        (whole(1024), 4095),
        (whole(4096), 16_383),
        (whole(16_384, 65_535), 65_535),
        (real(0.0), 1),
        (real(0.4, 1.0), 1),
        (real(16, 200), 255),
        (real(255) + whole(255), 255),
    ],
)
def test_the_smallest_scale_that_holds_them_all(found, high):
    assert {choose(order) for order in permutations(found)} == {Greys(0.0, float(high))}


RANGES = st.builds(GreyRange, st.sampled_from(["whole", "real"]), st.sampled_from([-1.0, 0.0, 5.0]),
                   st.sampled_from([0.0, 0.5, 1.0, 1.5, 20.0, 255.0, 300.0, 4095.0, 65_535.0, 70_000.0]))  # fmt: skip


@given(st.lists(RANGES, min_size=1, max_size=6), st.lists(RANGES, max_size=4))
def test_added_pictures_never_change_the_scale_of_the_own_ones(own, added):
    """And the others are those with which the scale of all would be another one, or none."""
    own, added = (
        [(f"{kind}{number}", one) for number, one in enumerate(of)] for kind, of in [("o", own), ("a", added)]
    )
    scale = scale_or_none(own)
    if scale is None:
        with pytest.raises(UserError, match=r"inferred|largest value of 16 bits"):
            choose_with(own, added)
        return
    assert choose_with(own, added) == (scale, {one[0] for one in added if scale_or_none([*own, one]) != scale})


def scale_or_none(found):
    try:
        return choose(found)
    except UserError:
        return None


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            whole(65_536),
            r"^0.tif has greys up to 65536, above the largest value of 16 bits; set ingest.grey_scale",
        ),
        (whole(9, low=-3.0), r"^0.tif has greys below 0, down to -3, so black cannot be inferred; set ingest"),
        (real(0.5, 200), r"^real0.tif has decimal greys up to 0.5 and real1.tif up to 200, so white cannot be"),
        (real(0.5) + whole(200), r"^real0.tif has decimal greys up to 0.5 and 0.tif up to 200, so white cannot be"),
        (real(1.5), r"^real0.tif has decimal greys up to 1.5, so white cannot be inferred"),
        (real(300), r"^real0.tif has decimal greys up to 300, so white cannot be inferred"),
    ],
)
def test_what_could_mean_several_things_is_asked(found, message):
    for order in permutations(found):
        with pytest.raises(UserError, match=message):
            choose(order)


@pytest.mark.parametrize(
    ("option", "expected"),
    [("auto", None), (8, (0, 255)), (12, (0, 4095)), ([0, 1], (0, 1)), ([-1000.0, 400], (-1000, 400))],
)
def test_the_option(option, expected):
    found = from_option(option)
    assert (None if found is None else (found.low, found.high)) == expected


@pytest.mark.parametrize("option", ["12", "full", 11, True, 12.0, [0], [0, 1, 2], ["0", "1"], [False, True], None])
def test_a_wrong_option(option):
    with pytest.raises(
        ValueError, match=r"^grey_scale must be auto, one of 8, 10, 12, 14, 16, or \[black, white\], got"
    ):
        from_option(option)


@pytest.mark.parametrize("option", [[1, 1], [2, 1], [0, float("inf")], [float("nan"), 1]])
def test_white_is_above_black(option):
    with pytest.raises(ValueError, match=r"^grey_scale must go from a number to a larger one, got"):
        from_option(option)


def test_scaling_by_hand():
    values = np.array([-np.inf, -1, 0, 2047.5, 4095, 5000, np.inf, np.nan])
    assert Greys.of_bits(12).scale(values).tolist() == [0, 0, 0, 128, 255, 255, 255, 0]


@given(st.lists(st.integers(0, 255), min_size=1, max_size=20), st.sampled_from(grey_scales.BITS))
def test_every_level_of_8_bits_comes_back(levels, bits):
    deep = np.rint(np.array(levels) / 255 * (2**bits - 1))
    assert Greys.of_bits(bits).scale(deep).tolist() == levels


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_parts_are_as_the_whole(kind, monkeypatch):
    values = np.random.default_rng(0).integers(0, 4096, (7, 5)).astype(kind)
    image, scale = Image.fromarray(values), Greys.of_bits(12)
    once = (grey_scales.measure(image), np.asarray(grey_scales.reduce(image, scale)))
    monkeypatch.setattr(grey_scales, "ROWS_AT_ONCE", 6)
    assert grey_scales.measure(image) == once[0] == GreyRange(once[0].kind, float(values.min()), float(values.max()))
    np.testing.assert_array_equal(grey_scales.reduce(image, scale), once[1])
    np.testing.assert_array_equal(once[1], scale.scale(values))


def test_what_is_no_number_does_not_count():
    image = Image.fromarray(np.array([[np.nan, np.inf, -np.inf, 0.25, 0.75]], np.float32))
    assert grey_scales.measure(image) == GreyRange("real", 0.25, 0.75)
    assert grey_scales.measure(Image.fromarray(np.full((2, 2), np.nan, np.float32))) == GreyRange("real", 0.0, 0.0)


def test_a_card_and_a_manifest_tell_the_scale():
    decoding = Decoding(max_pixels=5, grey_scale=Greys(0.0, 1.0))
    assert decoding.for_card() == {"max_pixels": 5, "grey_scale": [0.0, 1.0]}
    assert Decoding.of_card(decoding.for_card()) == decoding
    manifest = pd.DataFrame({"grey_low": [np.nan, 0.0, 0.0], "grey_high": [np.nan, 1.0, 1.0]})
    assert Decoding.of_manifest({"ingest": {"max_pixels": 5}}, manifest) == decoding
    plain = Decoding(max_pixels=5)
    assert plain.for_card() == {"max_pixels": 5}
    assert Decoding.of_card(plain.for_card()) == plain
    assert Decoding.of_manifest({"ingest": {"max_pixels": 5}}, manifest[[]]) == plain
    manifest.loc[2, "grey_high"] = 2.0
    with pytest.raises(UserError, match=r"^the manifest holds pictures of several grey scales; run dvc repro"):
        Greys.of_manifest(manifest)
