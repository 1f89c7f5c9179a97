"""Do the new pictures have other properties?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.drift_report import Chance, DriftMeasure
from pipeline.core.evaluation_contracts import DriftTest
from pipeline.core.manifest_schema import short_name
from pipeline.core.observations import Observations
from pipeline.core.ranges import Fraction
from pipeline.monitoring.verdict import decide

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

NUM_STEPS = 64  # of the distribution functions, at quantiles of all pictures together
QUANTILES = tuple(round(0.05 * one, 2) for one in range(21))  # of the plots on the page
NUM_PICTURES = 6  # at each end
OF_FILES = ("jpeg_quality", "num_bytes", "num_pixels")  # properties of the file, which no picture shows


@final
@dataclass(frozen=True, kw_only=True)
class PropertyDistance(DriftTest):
    """The largest Kolmogorov-Smirnov distance of a measured property that chance does not explain.

    The distance is that of the two distribution functions, 0 (equal) to 1 (nothing in common), between 64 quantiles of
    all pictures. Each group counts the same. A missing number counts as the lowest one, so that new pictures without it
    differ too. P-values come from permutations of whole groups, corrected for all properties and for whatever else
    looks at the same pictures. The interval is the distance plus and minus the one that chance explains, which the
    triangle inequality makes too wide rather than too narrow.

    Args:
        limit: Largest distance that counts as no drift.
        wanted: The distance that should be found; where it would be missed, the measure cannot be judged.

    Source: Rabanser, Guennemann and Lipton 2019, Failing Loudly, arXiv:1810.11953; Pesarin and Salmaso 2010,
        Permutation Tests for Complex Data, chapters 1 and 4.
    """

    limit: Fraction
    wanted: Fraction

    def select(self, observed: Observations) -> np.ndarray | str:
        return (
            np.ones(len(observed), dtype=bool) if observed.properties.shape[1] else "no property of pictures is known"
        )

    def summarise(self, reference: Observations, new: Observations, seed: int) -> np.ndarray:
        values = np.concatenate([_values(reference), _values(new)])
        order = np.sort(values, axis=0)
        steps = order[((np.arange(1, NUM_STEPS + 1) / (NUM_STEPS + 1)) * len(order)).astype(np.int64)]  # (B, P)
        return np.asarray((values[:, :, None] <= steps.T).reshape(len(values), -1).astype(np.float32))

    def distances(self, reference: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(new - reference).reshape(len(new), -1, NUM_STEPS).max(axis=2))

    def measure(self, name: str, reference: Observations, new: Observations, chance: Chance) -> DriftMeasure:
        rows = _rows(reference, new, chance)
        beyond = [row for row in rows if row["p"] <= chance.alpha and row["distance"] > self.limit]
        worst = (beyond or rows)[0]
        varied = chance.detectable[np.ptp(np.concatenate([_values(reference), _values(new)]), axis=0) > 0]
        verdict = decide(bool(beyond), chance, float(varied.max(initial=0.0)), self.wanted)
        places = {short_name(one): column for column, one in enumerate(reference.properties)}
        column = places[str(worst["property"])]
        reach = float(chance.significant_from[column])
        return DriftMeasure(
            name=name,
            unit="largest distance of a property (0 alike, 1 nothing in common)",
            value=float(worst["distance"]),
            low=max(0.0, worst["distance"] - reach) if np.isfinite(reach) else None,
            high=min(1.0, worst["distance"] + reach) if np.isfinite(reach) else None,
            p_value=float(worst["p"]),
            limit=self.limit,
            wanted=self.wanted,
            state=verdict.state,
            detectable=verdict.detectable,
            needed=verdict.needed,
            needed_unit=verdict.needed_unit,
            sentence=_sentence(rows, beyond, verdict.reason),
            details=tuple(rows),
            pictures=_ends(reference, new, places[_to_look_at(beyond)]) if beyond else {},
        )


def _values(observed: Observations) -> np.ndarray:
    """(N, P) float32, a missing number as the lowest."""
    values = observed.properties.to_numpy(dtype=np.float32)
    return np.asarray(np.where(np.isnan(values), np.float32(-3e38), values))


def _rows(reference: Observations, new: Observations, chance: Chance) -> list[JsonObject]:
    """A row for each property: those that stand out most first."""
    names = list(reference.properties)
    rows = [
        {
            "property": short_name(name),
            "distance": round(float(chance.distances[column]), 4),
            "p": round(float(chance.p_values[column]), 5),
            "reference": _quantiles(reference.properties[name].to_numpy()),
            "new": _quantiles(new.properties[name].to_numpy()),
        }
        for column, name in enumerate(names)
    ]
    return sorted(rows, key=lambda row: (row["p"] > chance.alpha, -row["distance"]))


def _quantiles(values: np.ndarray) -> list[float]:
    """21 quantiles, the lowest first; empty where no number is known."""
    known = values[np.isfinite(values)]
    return [float(f"{one:.6g}") for one in np.quantile(known, QUANTILES)] if len(known) else []


def _sentence(rows: list[JsonObject], beyond: list[JsonObject], reason: str) -> str:
    if not beyond:
        first = rows[0]
        text = f"The largest distance is {first['distance']:.2f}, of {_words(first)}"
        return f"{text}; that is not shown to be drift." + (f" {reason}" if reason else "")
    texts = [f"{_words(row)} {_direction(row)}" for row in beyond[:3]]
    more = f" and {len(beyond) - 3} more properties differ" if len(beyond) > 3 else ""
    return f"Of the new pictures {', '.join(texts)}{more}."


def _words(row: JsonObject) -> str:
    return str(row["property"]).replace("_", " ")


def _direction(row: JsonObject) -> str:
    """`is higher (median 0.41 instead of 0.32)`."""
    middle = len(QUANTILES) // 2
    if not row["reference"] or not row["new"]:
        return "is known of one side only"
    before, after = row["reference"][middle], row["new"][middle]
    if before == after:
        return f"is spread in another way (median {after:.3g} as before)"
    return f"is {'higher' if after > before else 'lower'} (median {after:.3g}, in training {before:.3g})"


def _to_look_at(beyond: list[JsonObject]) -> str:
    """The first property that a person can see; how a file is stored shows nothing."""
    names = [str(row["property"]) for row in beyond]
    return next((name for name in names if name not in OF_FILES), names[0])


def _ends(reference: Observations, new: Observations, column: int) -> dict[str, tuple[str, ...]]:
    """The pictures at both ends of a property among the new ones, and those in the middle of the training."""
    name = reference.properties.columns[column]
    fresh, former = new.properties[name].to_numpy(), reference.properties[name].to_numpy()
    words = short_name(name).replace("_", " ")
    order = [one for one in np.argsort(fresh, kind="stable") if np.isfinite(fresh[one])]
    middle: np.ndarray = (
        np.argsort(np.abs(former - np.nanmedian(former)), kind="stable")
        if np.isfinite(former).any()
        else np.zeros(0, int)
    )
    num = min(NUM_PICTURES, max(1, len(order) // 2))
    found = {
        f"New, lowest {words}": new.sample_ids[order[:num]],
        f"New, highest {words}": new.sample_ids[order[::-1][:num]],
        f"Training, in the middle of {words}": reference.sample_ids[middle[:NUM_PICTURES]],
    }
    return {caption: tuple(map(str, names)) for caption, names in found.items() if len(names)}
