"""How much people agree who decided on the same sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.datasets.label_review import Outcome, ReviewedSample, outcome_of
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.rater_agreement import RatedPair, estimate_kappa


@final
@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Two people who decided on the same samples.

    Attributes:
        num_samples: That both decided on.
        num_agreed: On which they came to the same.
        kappa: Cohen's.
    """

    first: str
    second: str
    num_samples: int
    num_agreed: int
    kappa: Estimate


@final
@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of all people.

    Attributes:
        pooled: Cohen's kappa over all pairs.
        pairs: Those who share most samples first.
        conflicts: sample_id of samples that wait for a further line, sorted.
    """

    pooled: Estimate
    pairs: tuple[PairAgreement, ...]
    conflicts: tuple[str, ...]


def measure_agreement(reviewed: Iterable[ReviewedSample], groups: Mapping[str, str], bootstrap: Bootstrap) -> Agreement:
    """Of the last line of each person on each sample; a sample that is dropped is a class of its own.

    Args:
        reviewed: What decisions come to.
        groups: sample_id to the group; a sample that is not named is a group of its own.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    codes: dict[Outcome, int] = {}
    found: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    conflicts = []
    for sample in reviewed:
        said = {
            one.who: codes.setdefault(outcome_of(one), len(codes)) for one in sample.decisions if not one.is_of_model
        }
        if sample.chosen is None:
            conflicts.append(sample.sample_id)
        for first, second in combinations(sorted(said), 2):
            found.setdefault((first, second), []).append((sample.sample_id, said[first], said[second]))
    rated = {names: _rate(rows, groups) for names, rows in found.items()}
    pairs = [_describe(names, pair, bootstrap) for names, pair in rated.items()]
    return Agreement(
        pooled=estimate_kappa(list(rated.values()), bootstrap),
        pairs=tuple(sorted(pairs, key=lambda one: (-one.num_samples, one.first, one.second))),
        conflicts=tuple(sorted(conflicts)),
    )


def _rate(rows: list[tuple[str, int, int]], groups: Mapping[str, str]) -> RatedPair:
    names, first, second = zip(*rows, strict=True)
    return RatedPair(
        first=np.array(first),
        second=np.array(second),
        groups=np.array([groups.get(name) or name for name in names], dtype=str),
    )


def _describe(names: tuple[str, str], pair: RatedPair, bootstrap: Bootstrap) -> PairAgreement:
    return PairAgreement(
        first=names[0],
        second=names[1],
        num_samples=len(pair.first),
        num_agreed=int((pair.first == pair.second).sum()),
        kappa=estimate_kappa([pair], bootstrap),
    )
