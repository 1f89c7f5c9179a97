"""How many pictures are dark, bright, blurred, uniform, or of odd shape or size?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Gt, Interval

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import property_column
from pipeline.core.ranges import Fraction
from pipeline.core.results import Finding

SHOWN = 8  # pictures of each fault
UNIFORM = "near-uniform"
USUAL = 0.5  # share of the samples beyond a limit from which it describes the data set
MAX_DEVIATIONS, ROBUST = 3.0, 1.4826  # the median absolute deviation times this is a normal standard deviation
PROPERTIES = ("contrast", "light_level", "dark_level", "sharpness", "entropy", "aspect_ratio", "num_pixels")


@final
@dataclass(frozen=True, kw_only=True)
class PictureQuality(Check):
    """The share of samples with at least one fault.

    A limit beyond which more than half of the samples are describes the data set (digits have little information), so
    it is no fault: then those have it that are more than three robust standard deviations worse than the median, and
    the sentence names the limit. A near-uniform picture shows nothing, so it is a fault wherever it occurs.

    Args:
        dark: A picture is dark when its `light_level` (99 % of the pixels are darker) is below this.
        bright: It is bright when its `dark_level` (5 % of the pixels are darker) is above this.
        blurred: It is blurred when its `sharpness` is below this; uniform pictures count as uniform only.
        uniform: It is near-uniform when its `contrast` is below this.
        low_information: It has low information when its `entropy` in bits is below this.
        odd_aspect: It has an odd shape when its shorter side is less than this share of the longer one.
        odd_size: It has an odd size when its side (root of the area) is this many times smaller or larger than the
            median.
        max_share: Largest accepted share of samples with a fault.

    Source: kinds of faults, and the default limits of dark, bright, low information, odd shape and odd size, as in
        CleanVision, Cleanlab 2022.
    """

    question: ClassVar[str] = "How many pictures are dark, bright, blurred, uniform, or of odd shape or size?"

    dark: float
    bright: float
    blurred: float
    uniform: float
    low_information: float
    odd_aspect: Annotated[float, Interval(gt=0, le=1)]
    odd_size: Annotated[float, Gt(1)]
    max_share: Fraction
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        how_bad = self._how_bad(samples)
        usual = {
            name: int((badness > 0).sum())
            for name, badness in how_bad.items()
            if name != UNIFORM and (badness > 0).sum() > USUAL * len(samples)
        }
        how_bad |= {name: _beyond_the_usual(how_bad[name]) for name in usual}
        faults = {name: np.flatnonzero(badness > 0) for name, badness in how_bad.items()}
        any_fault = np.zeros(len(samples), dtype=bool)
        for rows in faults.values():
            any_fault[rows] = True
        names = samples["sample_id"].to_numpy()
        ranked = {name: rows[np.argsort(-how_bad[name][rows], kind="stable")] for name, rows in faults.items()}
        ranked = dict(sorted(ranked.items(), key=lambda pair: -len(pair[1])))
        share = float(any_fault.mean()) if len(samples) else 0.0
        return Finding(
            value=share,
            limit=self.max_share,
            unit="share of pictures with a fault",
            worst={name: f"{len(rows):,} of {len(samples):,}" for name, rows in ranked.items() if len(rows)},
            advice="Look at these pictures: repair or remove those that nobody could label, and set the limits in "
            "conf/check/default.yaml to what is normal for your pictures.",
            sentence=f"{int(any_fault.sum()):,} of {len(samples):,} pictures have at least one measured fault."
            + "".join(
                f" {number:,} are beyond the limit for {name!r}, so that counts as usual for these pictures."
                for name, number in usual.items()
            ),
            pictures={name: [str(names[row]) for row in rows[:SHOWN]] for name, rows in ranked.items() if len(rows)},
        )

    def _how_bad(self, samples: pd.DataFrame) -> dict[str, np.ndarray]:
        """For each fault, (N,) how far each sample is beyond the limit; positive where it has the fault."""
        of = {name: samples[property_column(name)].to_numpy(dtype=float) for name in PROPERTIES}
        uniform = self.uniform - of["contrast"]
        longer = np.maximum(of["aspect_ratio"], 1 / of["aspect_ratio"])
        side = np.sqrt(of["num_pixels"])
        middle = np.median(side) if len(side) else 1.0
        return {
            "dark": self.dark - of["light_level"],
            "bright": of["dark_level"] - self.bright,
            "blurred": np.where(uniform > 0, 0.0, self.blurred - of["sharpness"]),
            UNIFORM: uniform,
            "low information": self.low_information - of["entropy"],
            "odd shape": longer - 1 / self.odd_aspect,
            "odd size": np.maximum(side / middle, middle / side) - self.odd_size,
        }


def _beyond_the_usual(badness: np.ndarray) -> np.ndarray:
    """(N,) how far each sample is beyond what is usual, where more than half are beyond the limit."""
    middle = np.median(badness)
    return np.asarray(badness - middle - MAX_DEVIATIONS * ROBUST * np.median(np.abs(badness - middle)))
