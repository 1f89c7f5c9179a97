"""Views that change nothing are refused, before a training and on its pictures."""

import numpy as np
import pytest
from pretraining_examples import make_packed

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.models.transforms.normalise import Normalise
from pipeline.training.augmentations.blur import Blur
from pipeline.training.augmentations.colour import Colour
from pipeline.training.augmentations.exposure import Exposure
from pipeline.training.augmentations.grey import Grey
from pipeline.training.augmentations.orthogonal import Orthogonal
from pipeline.training.augmentations.resized_crop import ResizedCrop
from pipeline.training.augmentations.shift import Shift
from pipeline.training.objectives.simclr import SimClr
from pipeline.training.pretraining import refuse_unfit
from pipeline.training.view_dataset import make_view_dataset
from pipeline.training.views_check import refuse_alike_pictures, refuse_idle_views

TRANSFORM = Normalise(image_size=16, mean=[0.5] * 3, std=[0.5] * 3)
WHOLE = ResizedCrop(min_area=1.0, max_stretch=1.0)
IDLE = {
    "crop": WHOLE,
    "exposure": Exposure(max_brightness=0.0, max_contrast=0.0),
    "colour": Colour(max_saturation=0.0, max_hue=0.0, max_cast=0.0),
    "flips": Orthogonal(horizontal_flip=False, vertical_flip=False, transpose=False),
    "shift": Shift(max_fraction=0.01),  # less than half a pixel
}
BUSY = {
    "crop": ResizedCrop(min_area=0.9, max_stretch=1.0),
    "mirror": Orthogonal(horizontal_flip=True, vertical_flip=False, transpose=False),
    "exposure": Exposure(max_brightness=0.01, max_contrast=0.0),
    "grey": Grey(share=0.2),
    "blur": Blur(max_sigma=0.05),
    "colour": Colour(max_saturation=0.3, max_hue=0.0, max_cast=0.0),
}


def pretext(positives="view"):
    return SimClr(temperature=0.5, projection_dim=4, positives=positives)


@pytest.mark.parametrize("views", [IDLE, {"grey": Grey(share=1.0)}], ids=["no strength", "all changed alike"])
def test_views_without_strength_are_refused(views):
    message = rf"^views \({', '.join(views)}\) change nothing, so all views of a picture are alike and there is nothing"
    with pytest.raises(UserError, match=message):
        refuse_idle_views(views, (3, 16, 16))
    with pytest.raises(UserError, match=message):
        refuse_unfit(pretext(), views, Small(width=2), 16)
    for positives in ("group", "class"):  # whose rows show other pictures
        refuse_unfit(pretext(positives), views, Small(width=2), 16)


@pytest.mark.parametrize("name", sorted(BUSY))
def test_one_view_that_changes_something_is_enough(name):
    refuse_idle_views({**IDLE, name: BUSY[name]}, (3, 16, 16))


def samples(views, positives="view", **columns):
    packed = make_packed(["train"] * 8, **columns)
    return make_view_dataset(packed, pretext(positives), TRANSFORM, tuple(views))


def test_colour_changes_no_grey_picture():
    with pytest.raises(
        UserError, match=r"^views change none of the first 8 pictures of pretraining, so .* \(colour ch"
    ):
        refuse_alike_pictures(samples([BUSY["colour"], BUSY["grey"]]))
    refuse_alike_pictures(samples([BUSY["colour"], BUSY["crop"]]))


def test_two_pictures_of_a_group_differ_without_views():
    refuse_alike_pictures(samples([], "group", group=np.repeat(["a", "b"], 4)))
    with pytest.raises(UserError, match=r"^views change none of the first 8 pictures"):
        refuse_alike_pictures(samples([], "group"))
