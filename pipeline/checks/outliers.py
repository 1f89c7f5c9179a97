"""Which pictures resemble none of their class?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import pandas as pd

from pipeline.core.content import EmbeddedImages
from pipeline.core.contracts import FeatureCheck
from pipeline.core.ranges import Fraction, PositiveFloat, PositiveInt
from pipeline.core.results import MAX_IN_STRIP, MAX_ROWS, Finding
from pipeline.statistics import nearest_neighbors

TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, of a normal variable
FEWEST = 3  # pictures of a class: with two, each is as far from the median as the other
LEAST_DISTANCE, LEAST_SPREAD = 1e-6, 0.05  # copies have no distance, and a class of copies no spread


@final
@dataclass(frozen=True, kw_only=True)
class Outliers(FeatureCheck):
    """The share of samples far from everything: distance to their nearest neighbours in feature space.

    The distance of a sample is the mean over its neighbours of 1 - cosine. It is measured against its class (the
    first of its labels): the number of robust standard deviations by which its logarithm lies above the class's median.
    So a varied class does not count as a class of outliers.

    Args:
        num_neighbours: Neighbours of each sample, at least 1.
        max_deviations: A sample with more robust deviations is an outlier, above 0.
        max_share: Largest accepted share of outliers, 0 to 1.

    Source: Kuan and Mueller 2022, arXiv:2207.03061; the median absolute deviation, Leys et al. 2013,
        doi:10.1016/j.jesp.2013.03.013.
    """

    question: ClassVar[str] = "Which pictures resemble none of their class?"

    num_neighbours: PositiveInt
    max_deviations: PositiveFloat
    max_share: Fraction
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame, content: EmbeddedImages) -> Finding:
        classes = samples["labels"].map(lambda names: names[0] if len(names) else "no label").to_numpy(dtype=str)
        far = _deviations(neighbour_distances(content.features, self.num_neighbours), classes)
        ranked = np.argsort(-far, kind="stable")
        rows = ranked[far[ranked] > self.max_deviations]
        shown = ranked[:MAX_ROWS]
        names = samples["sample_id"].to_numpy(dtype=str)
        share = len(rows) / max(1, len(samples))
        return Finding(
            value=share,
            limit=self.max_share,
            unit=f"share of samples more than {self.max_deviations:g} robust deviations from their class",
            worst={str(names[row]): f"{far[row]:.1f} deviations from {classes[row]}" for row in shown[:5]},
            advice="Look at these pictures: they may be damaged, of another kind, or from another data set.",
            sentence=(
                f"{len(rows):,} of {len(samples):,} pictures are far less similar to all others than is usual in their "
                "class."
                if len(rows)
                else "Every picture is about as similar to other pictures as is usual in its class."
            ),
            pictures={"Furthest from all other pictures, the furthest first": names[shown[:MAX_IN_STRIP]].tolist()},
            table=[
                {"sample": str(names[row]), "class": str(classes[row]), "deviations": round(float(far[row]), 2)}
                for row in shown
            ],
            listing=pd.DataFrame({"sample_id": names[rows], "deviations": far[rows].round(3)}),
            obstacle=""
            if pd.Series(classes).value_counts().max() >= FEWEST
            else f"No class has {FEWEST} pictures, the fewest that can have an outlier; collect more pictures.",
        )


def _deviations(distance: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N,) robust standard deviations by which the logarithm of each distance lies above its class's median."""
    logarithm = pd.Series(np.log(np.maximum(distance, LEAST_DISTANCE)))
    above = logarithm - logarithm.groupby(classes).transform("median")
    spread = above.abs().groupby(classes).transform("median") * TO_SIGMA
    result: np.ndarray = (above / np.maximum(spread, LEAST_SPREAD)).to_numpy()
    return result


def neighbour_distances(features: np.ndarray, num_neighbours: int) -> np.ndarray:
    """(N,) mean of 1 - cosine to the nearest neighbours, the sample itself left out."""
    nearest = nearest_neighbors.nearest_cosines(features, num_neighbours + 1)
    alike: np.ndarray = np.where(nearest < -1, 0, nearest)[:, 1:]  # faiss marks a missing neighbour with -max
    return np.clip(1 - alike.mean(axis=1), 0, None) if alike.shape[1] else np.zeros(len(features))
