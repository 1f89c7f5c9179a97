"""Which of the views that conf/ has move pixels."""

import pytest
import yaml
from conf_options import CONF

from pipeline.core import config
from pipeline.training.augmentations.shift import Shift
from pipeline.training.view_geometry import moves_pixels

MOVING = {
    "augmentation": ("flips", "mirror", "orthogonal", "rand_augment", "shift", "trivial_augment"),
    "views": ("crop",),
}
STILL = {
    "augmentation": ("blur", "border", "colour", "compression", "exposure", "strong_exposure"),
    "views": ("erasing",),
}


def view(group, name):
    file = next(path for path in (CONF / group).glob("*.yaml") if f"\n{name}:\n" in path.read_text(encoding="utf-8"))
    return config.build(yaml.safe_load(file.read_text(encoding="utf-8"))[name], f"{group}.{name}", group)


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in MOVING.items() for name in names])
def test_crops_flips_shifts_and_turns_move_pixels(group, name):
    assert moves_pixels(view(group, name))


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in STILL.items() for name in names])
def test_light_colour_sharpness_and_what_is_erased_move_none(group, name):
    assert not moves_pixels(view(group, name))


def test_a_change_of_the_size_moves_pixels():
    assert moves_pixels(lambda batch, generator: batch[:, :, 2:, 2:])
    assert not moves_pixels(lambda batch, generator: batch)


def test_a_shift_of_a_pixel_of_a_large_picture_moves_pixels():
    shift = Shift(max_fraction=0.006)
    assert not moves_pixels(shift)
    assert moves_pixels(shift, 256)
