"""A policy taken apart."""

from dataclasses import dataclass

from pipeline.checks.augmentation_variants import list_variants
from pipeline.training.augmentations.blur import Blur
from pipeline.training.augmentations.compression import Compression
from pipeline.training.augmentations.erasing import Erasing
from pipeline.training.augmentations.exposure import Exposure
from pipeline.training.augmentations.orthogonal import Orthogonal


def names(**policy):
    return [str(one) for one in list_variants(policy)]


def test_each_choice_alone_then_all_of_them():
    found = list(list_variants({"exposure": Exposure(max_brightness=0.2, max_contrast=0.4)}))
    assert [str(one) for one in found] == [
        "exposure.max_brightness=0.2",
        "exposure.max_contrast=0.4",
        "exposure as a whole",
    ]
    assert [(one.augmentation.max_brightness, one.augmentation.max_contrast) for one in found] == [
        (0.2, 0),
        (0, 0.4),
        (0.2, 0.4),
    ]


def test_what_is_off_is_not_tried_and_one_choice_is_the_whole():
    mirror = Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False)
    assert names(mirror=mirror) == ["mirror.horizontal_flip=True"]
    assert names(blur=Blur(max_sigma=0.02), smaller=Compression(min_quality=30)) == [
        "blur.max_sigma=0.02",
        "smaller.min_quality=30",
    ]


def test_strengths_are_halved_and_switches_are_not():
    strength, switch, quality = list_variants(
        {
            "blur": Blur(max_sigma=0.02),
            "mirror": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False),
            "compression": Compression(min_quality=30),
        }
    )
    assert [(one.size, one.share, one.augmentation.max_sigma) for one in strength.weaker()] == [
        (0.01, 0.5, 0.01),
        (0.005, 0.25, 0.005),
        (0.0025, 0.125, 0.0025),
    ]
    assert not [*switch.weaker(), *quality.weaker()]


def test_a_strength_is_not_halved_below_what_the_augmentation_takes():
    (whole,) = [one for one in list_variants({"erasing": Erasing(probability=0.5, max_area=0.1)}) if one.size == 0.1]
    assert [(one.size, one.augmentation.max_area) for one in whole.weaker()] == [(0.05, 0.05), (0.025, 0.025)]


def test_what_cannot_be_switched_off_in_part_is_tried_as_a_whole():
    @dataclass(frozen=True)
    class Stubborn:
        max_one: float
        max_other: float

        def __post_init__(self):
            if not self.max_one or not self.max_other:
                raise ValueError("both or none")

    stubborn = Stubborn(1.0, 2.0)
    (found,) = list_variants({"stubborn": stubborn})
    assert (str(found), found.augmentation) == ("stubborn as a whole", stubborn)


def test_what_has_no_choices_is_tried_as_a_whole():
    assert names(one=lambda batch, generator: batch) == ["one as a whole"]
