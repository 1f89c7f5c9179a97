"""Two models on the same samples, class by class and slice by slice, with one correction for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.core.manifest_schema import attribute_columns, short_name
from pipeline.evaluation.paired_comparison import PairedPredictions, paired_difference
from pipeline.evaluation.slice_candidates import cut_values
from pipeline.statistics.bootstrap import MIN_GROUPS, Basis, Bootstrap
from pipeline.statistics.detectable import detectable_difference

if TYPE_CHECKING:
    import pandas as pd

ERROR = 0.05  # probability that any of the intervals misses its difference
ALL, CLASS = "all", "class"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Samples by which of two models is right on them.

    Source: McNemar 1947, doi:10.1007/BF02295996, who compares the middle two.
    """

    both: int
    only_before: int
    only_after: int
    neither: int

    @classmethod
    def of(cls, before: np.ndarray, after: np.ndarray) -> Counts:
        """From (N,) bool each: whether the model is right."""
        return cls(
            both=int((before & after).sum()),
            only_before=int((before & ~after).sum()),
            only_after=int((~before & after).sum()),
            neither=int((~before & ~after).sum()),
        )

    @property
    def total(self) -> int:
        """Number of samples."""
        return self.both + self.only_before + self.only_after + self.neither


@dataclass(frozen=True, kw_only=True)
class PartChange:
    """One part of the common samples: all, those of a class, or a slice.

    Attributes:
        kind: `all`, `class`, or the name of an attribute.
        name: Of the class, or the value of the attribute; empty for all.
        counts: Which model is right on how many; on a class, which one finds it.
        gain: Share right after minus before; its interval holds at once with those of all other parts.
        detectable: The smallest difference that would have been found in 4 of 5 such comparisons; None where there is
            no interval.
    """

    kind: str
    name: str
    counts: Counts
    gain: Estimate
    detectable: float | None

    @property
    def is_shown(self) -> bool:
        """Whether the interval excludes 0."""
        return self.gain.interval is not None and (self.gain.interval[0] > 0 or self.gain.interval[1] < 0)

    def to_json(self) -> dict[str, object]:
        """As `reports/registration.json` holds it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "counts": vars(self.counts),
            "gain": self.gain.to_json(),
            "detectable": self.detectable,
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> PartChange:
        """The part of a `to_json` entry.

        Raises:
            ValueError: It is no such entry.
        """
        counts, gain, detectable = (entry.get(key) for key in ("counts", "gain", "detectable"))
        if not isinstance(counts, Mapping) or not isinstance(gain, Mapping):
            raise ValueError(f"a compared part needs counts and a gain, got {dict(entry)!r}")
        return cls(
            kind=str(entry["kind"]),
            name=str(entry["name"]),
            counts=Counts(**{str(key): int(value) for key, value in counts.items()}),
            gain=Estimate.from_json(gain),
            detectable=float(detectable) if isinstance(detectable, int | float) else None,
        )


def compare_parts(
    pairs: PairedPredictions, attributes: pd.DataFrame, bootstrap: Bootstrap, min_samples: int
) -> list[PartChange]:
    """All common samples, then each class, then each slice; by the labels of today.

    On a class the figure is the share of its samples in which it is found (recall); elsewhere the share of samples that
    are exactly right (accuracy). All is compared at 95 %. The classes and slices are m comparisons, each at
    1 - 0.05 / m, so that with a probability of 95 % none of these intervals misses its difference, however they depend
    on each other.

    Args:
        pairs: Both models on N samples.
        attributes: `sample_id` and `attr_*` of the later model's samples, in any order.
        bootstrap: How groups are resampled, where there are more than 100.
        min_samples: Smallest class or slice that is compared.

    Source: Dunn 1961, Multiple comparisons among means, doi:10.1080/01621459.1961.10482090.
    """
    before, after = (_is_right(pairs, one.decided) for one in (pairs.earlier, pairs.later))
    overall = _compare(ALL, "", before, after, pairs.later.groups, bootstrap, 1 - ERROR)
    parts = [
        (kind, name, rows, found)
        for kind, name, rows, found in _parts(pairs, attributes, before, after)
        if len(rows) >= min_samples
    ]
    groups = pairs.later.groups
    counted = sum(len(np.unique(groups[rows])) >= MIN_GROUPS for _, _, rows, _ in parts)
    level = 1 - ERROR / max(1, counted)
    return [
        overall,
        *(
            _compare(kind, name, one[rows], other[rows], groups[rows], bootstrap, level)
            for kind, name, rows, (one, other) in parts
        ),
    ]


def _is_right(pairs: PairedPredictions, decided: np.ndarray) -> np.ndarray:
    return np.asarray((decided == (pairs.later.targets > 0)).all(axis=1))


def _parts(
    pairs: PairedPredictions, attributes: pd.DataFrame, before: np.ndarray, after: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Kind, name, rows, and which samples are right before and after, or found."""
    for number, name in enumerate(pairs.later.classes):
        found = pairs.earlier.decided[:, number], pairs.later.decided[:, number]
        yield CLASS, name, np.flatnonzero(pairs.later.targets[:, number] > 0), found
    table = attributes.set_index("sample_id").loc[list(pairs.later.sample_ids)].reset_index()
    for column in attribute_columns(table):
        for value, rows in cut_values(table[column], MIN_GROUPS).items():
            yield short_name(column), value, rows, (before, after)


def _compare(
    kind: str, name: str, before: np.ndarray, after: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap, level: float
) -> PartChange:
    differences = after.astype(float) - before.astype(float)
    weights = bootstrap.replicates(groups)
    basis = Basis.of(np.ones((len(groups), 1), dtype=bool), groups)
    with np.errstate(invalid="ignore"):  # a replicate without any sample has no figure
        replicates = np.concatenate([block @ differences / block.sum(axis=1) for block in weights])
    gain = paired_difference(float(differences.mean()), replicates, weights, basis, len(groups), level=level)
    detectable = detectable_difference(replicates, weights, basis.n, basis.groups, level)
    return PartChange(kind=kind, name=name, counts=Counts.of(before, after), gain=gain, detectable=detectable)
