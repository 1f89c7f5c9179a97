"""Which samples people should label next: a strategy of conf/query/, and a random share that may measure a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.labelling_contracts import QueryBatch, QueryPool, QueryStrategy
from pipeline.core.labels import to_matrix
from pipeline.core.terminal import count_of
from pipeline.features.linear_probe import pca_directions
from pipeline.labelling.pool import SamplePool, duplicate_groups
from pipeline.labelling.queries.label_queue import QueuedSample
from pipeline.labelling.queries.probes import has_two_classes, predict_labels
from pipeline.labelling.strategies.random import Random

if TYPE_CHECKING:
    from pipeline.core.labelling_contracts import ProbeKind

DEFAULT = "typical_then_margin"
RANDOM = "random"
MEASURED = ("val", "test")
FEW = 20  # labelled samples of val or test, below which half of a batch is random
SHARE_OF_FEW, SHARE = 0.5, 0.1


@final
@dataclass(frozen=True, kw_only=True)
class Query:
    """What is wanted.

    Attributes:
        strategy: Name of a file of conf/query/.
        budget: Samples in all.
        random_share: Of them, 0 to 1, chosen at random; None for `choose_share`.
        seed: Of all that is random.
    """

    strategy: str
    budget: int
    random_share: float | None
    seed: int


def build_strategy(name: str) -> QueryStrategy:
    """The strategy of `conf/query/NAME.yaml`.

    Raises:
        UserError: There is no such file, or it does not build.
    """
    strategy: QueryStrategy = config.build(config.compose_option("query", name), f"conf/query/{name}.yaml", "query")
    return strategy


def choose_share(samples: pd.DataFrame) -> float:
    """The random share of a batch: half while val or test has under 20 labelled samples, then a tenth.

    Args:
        samples: As `SamplePool.samples`.
    """
    labelled = samples.loc[samples["is_labelled"] & ~samples["is_dropped"], "split"].value_counts()
    return SHARE_OF_FEW if any(labelled.get(part, 0) < FEW for part in MEASURED) else SHARE


def count_random(budget: int, share: float) -> int:
    """How many samples of a batch are random: rounded up, so that a share above 0 gives at least one."""
    return min(budget, math.ceil(round(share * budget, 6)))


def make_pool(pool: SamplePool, is_exclusive: bool, seed: int) -> QueryPool:
    """What a strategy sees: never a sample of val or test, nor one that a person took out.

    Args:
        pool: All samples.
        is_exclusive: Whether each has exactly one label.
        seed: Of the principal components of the features.
    """
    is_disputed = disputed_rows(pool)
    rows = np.flatnonzero(pool.is_open | pool.is_known | is_disputed)
    samples, is_known = pool.samples.iloc[rows], pool.is_known[rows]
    names = pool.classes
    labels = to_matrix(
        [given if known else [] for given, known in zip(samples["labels"], is_known, strict=True)], names
    )
    features = pca_directions(pool.features[rows], seed) if len(rows) else np.zeros((0, 1), np.float32)
    known_rows = np.flatnonzero(is_known)

    def predict(kind: ProbeKind) -> np.ndarray:
        return predict_labels(features, known_rows, labels[known_rows], is_exclusive, kind)

    return QueryPool(
        features=features,
        groups=duplicate_groups(pool.samples)[rows],
        is_open=pool.is_open[rows],
        is_known=is_known,
        labels=labels,
        is_exclusive=is_exclusive,
        suspicion=read_suspicion(samples["sample_id"]),
        is_disputed=is_disputed[rows],
        predict=predict,
    )


def candidate_names(pool: SamplePool) -> np.ndarray:
    """Names of the samples in the order of `make_pool`."""
    rows = np.flatnonzero(pool.is_open | pool.is_known | disputed_rows(pool))
    return pool.samples["sample_id"].to_numpy()[rows]


def disputed_rows(pool: SamplePool) -> np.ndarray:
    """(N,) bool, samples outside val and test on which people differ, so that a further one must decide."""
    differ = {name for name, sample in pool.reviewed.items() if sample.chosen is None}
    part = ~pool.samples["split"].isin(MEASURED) & ~pool.samples["is_dropped"]
    return np.asarray((part & pool.samples["sample_id"].isin(differ)).to_numpy(dtype=bool))


def read_suspicion(names: pd.Series) -> np.ndarray:
    """(N,) 1 less the probability of the given label, of the samples that curation suspects; NaN of the others.

    Raises:
        UserError: The file of curation cannot be read.
    """
    if not artifacts.SUSPECTS.is_file():
        return np.full(len(names), np.nan)
    types = {"sample_id": "str", "quality": "float64"}
    try:
        listed = pd.read_csv(artifacts.SUSPECTS, usecols=list(types), dtype=types)
    except (OSError, ValueError):  # of pandas, and of text that is no UTF-8
        raise UserError(
            f"{artifacts.SUSPECTS} holds no table of sample_id and quality, a number; dvc repro curate writes it anew"
        ) from None
    quality = listed.drop_duplicates("sample_id").set_index("sample_id")["quality"]
    return 1 - quality.reindex(names).to_numpy(dtype=np.float64)


def run_query(pool: SamplePool, is_exclusive: bool, query: Query, number: int) -> list[QueuedSample]:
    """The samples of the batch, in the order in which they should be labelled: the random ones are spread among them.

    Args:
        pool: All samples.
        is_exclusive: Whether each has exactly one label.
        query: What is wanted.
        number: Of the batch; another one has other random samples.

    Raises:
        UserError: No sample can be chosen, or the strategy cannot be used yet.
    """
    strategy = build_strategy(query.strategy)
    seen = make_pool(pool, is_exclusive, query.seed)
    rng = np.random.default_rng([query.seed, number])
    names = candidate_names(pool)
    share = choose_share(pool.samples) if query.random_share is None else query.random_share
    num_random = 0 if strategy.of_labelled else count_random(query.budget, share)
    _refuse_hopeless(strategy, query.strategy, seen)
    is_random = isinstance(strategy, Random)
    parts: list[tuple[str, QueryBatch]] = []
    if num_random and not is_random:
        parts.append((RANDOM, Random()(seen, num_random, rng)))
        seen = _without(seen, parts[0][1].rows)
    left = query.budget - sum(len(batch.rows) for _, batch in parts)
    if left:
        parts.append((query.strategy, strategy(seen, left, rng)))
    if not sum(len(batch.rows) for _, batch in parts):
        raise UserError(f"strategy {query.strategy} found no sample to label")
    return _merge(parts, names, number)


def _refuse_hopeless(strategy: QueryStrategy, name: str, seen: QueryPool) -> None:
    if strategy.of_labelled:
        if not (seen.is_known & np.isfinite(seen.suspicion)).any():
            raise UserError(
                f"strategy {name} looks at labels that curation suspects, and {artifacts.SUSPECTS} lists none of "
                "train; run dvc repro curate, or take another strategy"
            )
        return
    if not (seen.is_open | seen.is_disputed).any():
        raise UserError(
            "every sample has a label, so there is none to label next; colibri query --strategy suspects lists labels "
            "worth a second look, and new pictures come with colibri run"
        )
    known = seen.labels[seen.is_known]
    if strategy.needs_labels and not (len(known) and has_two_classes(known, seen.is_exclusive)):
        raise UserError(
            f"strategy {name} needs labels of two classes outside val and test, and there are "
            f"{count_of(len(known), 'label')}; label a batch of colibri query --strategy typical first"
        )


def _without(seen: QueryPool, rows: np.ndarray) -> QueryPool:
    """The pool in which these rows, and those of their groups, are no candidates any more, while others are left."""
    is_open = seen.is_open.copy()
    is_open[rows] = False
    apart = is_open & ~np.isin(seen.groups, seen.groups[rows])
    disputed = seen.is_disputed.copy()
    disputed[rows] = False
    return replace(seen, is_open=apart if apart.any() else is_open, is_disputed=disputed)


def _merge(parts: Sequence[tuple[str, QueryBatch]], names: np.ndarray, number: int) -> list[QueuedSample]:
    places = [(place + 0.5) / len(batch.rows) for _, batch in parts for place in range(len(batch.rows))]
    samples = [
        QueuedSample(
            sample_id=str(names[row]),
            batch=f"{name}/{number}",
            order=0,
            strategy=name,
            score=float(score),
            why=batch.meaning,
        )
        for name, batch in parts
        for row, score in zip(batch.rows, batch.scores, strict=True)
    ]
    order = np.argsort(places, kind="stable")
    return [replace(samples[at], order=place) for place, at in enumerate(order, start=1)]
