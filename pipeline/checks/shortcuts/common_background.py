"""Properties that can be what a picture shows: those of the object, where all pictures have the same background."""

from __future__ import annotations

import pandas as pd

from pipeline.core.manifest_schema import property_column

OF_THE_OBJECT = ("brightness", "contrast", "dark_level", "entropy", "noise", "num_bytes", "sharpness")
BORDER = property_column("border_brightness")
TOLERANCE = 0.02  # of the border's brightness, 0 to 1
LEAST_SHARE = 0.9  # of the pictures; an object reaches the border now and then


def has_common_background(samples: pd.DataFrame) -> bool:
    """Whether the border of nearly all pictures is equally bright: light and camera then vary little, if at all.

    What varies in such pictures is how large, dark and detailed the object is, which is what they show. Light that
    differs is seen in a bright border, and in `light_level` where the border is dark.
    """
    if BORDER not in samples or not len(samples):
        return False
    border = samples[BORDER]
    return bool(((border - border.median()).abs() <= TOLERANCE).mean() >= LEAST_SHARE)


def can_be_content(names: list[str], samples: pd.DataFrame) -> bool:
    """Whether properties of these names, at least one, all measure the object alone."""
    return bool(names) and set(names) <= set(OF_THE_OBJECT) and has_common_background(samples)
