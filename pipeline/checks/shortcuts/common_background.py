"""Properties that can be what a picture shows: those of the object, where all pictures have the same background."""

from __future__ import annotations

import pandas as pd

from pipeline.core.manifest_schema import property_column

OF_THE_OBJECT = ("brightness", "contrast", "dark_level", "entropy", "noise", "num_bytes", "sharpness")
BORDER = property_column("border_brightness")
BRIGHT = 0.5  # of the border; beyond, the darkest pixels are those of the object
TOLERANCE = 0.02  # of the border's brightness, 0 to 1
LEAST_SHARE = 0.9  # of the pictures; an object reaches the border now and then


def has_common_background(samples: pd.DataFrame) -> bool:
    """Whether the border of nearly all pictures is equally bright.

    What varies in such pictures is how large, dark and detailed the object is, which is what they show.
    """
    if BORDER not in samples or not len(samples):
        return False
    border = samples[BORDER]
    return bool(((border - border.median()).abs() <= TOLERANCE).mean() >= LEAST_SHARE)


def can_be_content(names: list[str], samples: pd.DataFrame) -> bool:
    """Whether properties of these names, at least one, all measure the object alone.

    A border that is black or white in every picture shows no difference of light. The extreme of the object does:
    `light_level` on a dark background, `dark_level` on a bright one. It stays a warning.
    """
    if not names or not has_common_background(samples):
        return False
    is_bright = samples[BORDER].median() > BRIGHT
    return set(names) <= set(OF_THE_OBJECT) - ({"dark_level"} if is_bright else set())
