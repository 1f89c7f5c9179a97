"""A pretraining that could teach nothing is refused with the configuration, before a picture is read."""

import pytest
import yaml
from conf_options import CONF

from pipeline.choices.networks_check import _check_pretraining
from pipeline.core.errors import UserError

SMALL = {"_target_": "pipeline.models.encoders.small.Small", "width": 4}


def option(group, name, **changes):
    return {**yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8")), **changes}


def nodes(objective, views=(), encoder=SMALL, image_size=32):
    pretraining = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["pretrain"]
    return {
        "image_size": image_size,
        "transform": {"image_size": image_size},
        "objective": objective,
        "views": {key: node for view in views for key, node in option("views", view).items()},
        "encoder": encoder,
        "pretrain": pretraining,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"objective": option("objective", "masked")},
            r"^objective=masked hides patches from a plain vision transformer, and the encoder is of .* \(Small\)",
        ),
        (
            {"objective": option("objective", "masked"), "encoder": option("encoder", "vit_tiny"), "image_size": 16},
            r"^objective\.ratio=0\.75 leaves 0 of the 1 patches of a picture of 16 x 16",
        ),
        (
            {"objective": option("objective", "masked", ratio=1.0)},
            r"^params\.yaml: objective\.ratio must be above 0 and below 1, got 1",
        ),
        (
            {"objective": option("objective", "inpaint", share=1)},
            r"^params\.yaml: objective\.share must be above 0 and below 1, got 1",
        ),
        (
            {"objective": option("objective", "inpaint", share=0.9999)},
            r"^objective\.share=0\.9999 cuts out everything of",
        ),
        (
            {"objective": option("objective", "inpaint"), "image_size": 6},
            r"pictures of 8 x 8 pixels or more, found 6 x 6",
        ),
        (
            {"objective": option("objective", "denoise")},
            r"^views is empty, so there is nothing to restore; name some of",
        ),
        (
            {"objective": option("objective", "denoise"), "views": ["erasing", "crop"]},
            r"^views move pixels \(crop\), and each pixel of a view is compared with",
        ),
    ],
)
def test_what_could_teach_nothing_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        _check_pretraining(nodes(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": option("objective", "inpaint"), "views": ["crop"]},
        {"objective": option("objective", "denoise"), "views": ["erasing"]},
        {"objective": option("objective", "masked"), "encoder": option("encoder", "vit_tiny")},
    ],
)
def test_what_conf_has_is_taken(changes):
    _check_pretraining(nodes(**changes))
