"""What `colibri query` says: the batch, what it replaces, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.core.terminal import count_of
from pipeline.labelling.queries.label_queue import QUEUE
from pipeline.labelling.queries.query import FEW, MEASURED, RANDOM, build_strategy, count_random, disputed_rows

if TYPE_CHECKING:
    from pipeline.datasets.label_decisions import LabelDecision
    from pipeline.labelling.pool import SamplePool
    from pipeline.labelling.queries.label_queue import QueuedSample
    from pipeline.labelling.queries.query import Query

MOST_SELECTED = 0.1  # share of what had no label: of more, val and test are no longer like all samples
NEXT = "Next:  colibri label --queue"


def is_waiting(
    queue: Sequence[QueuedSample], decisions: Sequence[LabelDecision], pool: SamplePool, query: Query
) -> bool:
    """Whether the queue is the answer already: nobody has labelled a sample of it, and the same is wanted again.

    Args:
        queue: The file as it is.
        decisions: All lines about the data set.
        pool: All samples, with these decisions.
        query: What is wanted; its seed does not count.
    """
    if len(queue) != query.budget or not _is_same(queue, query):
        return False
    waiting = set(pool.samples.loc[pool.is_open | disputed_rows(pool), "sample_id"])
    batches = {line.batch for line in queue}
    is_of_labelled = build_strategy(query.strategy).of_labelled
    return not any(line.batch in batches for line in decisions) and (
        is_of_labelled or all(line.sample_id in waiting for line in queue)
    )


def _is_same(queue: Sequence[QueuedSample], query: Query) -> bool:
    found = {line.strategy for line in queue}
    if query.random_share is not None and _num_random(queue) != count_random(query.budget, query.random_share):
        return query.strategy == RANDOM and found == {RANDOM}
    return found <= {query.strategy, RANDOM} and (query.strategy in found or query.random_share == 1)


def _num_random(queue: Sequence[QueuedSample]) -> int:
    return sum(line.strategy == RANDOM for line in queue)


def describe_waiting(queue: Sequence[QueuedSample]) -> list[str]:
    """That the same samples still wait."""
    return [
        (
            f"The queue still waits ({_batches(queue)}): nobody has labelled any of it since, so "
            f"the same query changes nothing; remove {QUEUE} to choose anew"
        ),
        f"Queue: {QUEUE}",
        NEXT,
    ]


def describe_queue(
    samples: Sequence[QueuedSample], pool: SamplePool, query: Query, before: Sequence[QueuedSample]
) -> list[str]:
    """What was queued and why, where the random ones go, what it replaces, and what to do next.

    Args:
        samples: Of the new queue.
        pool: All samples, with the decisions until now.
        query: What was wanted.
        before: The former queue.
    """
    num_open, num_known = int(pool.is_open.sum()), int(pool.is_known.sum())
    lines = [
        (
            f"{count_of(len(samples), 'sample')} to label next: {_batches(samples)}, of {num_open:,} without a label, "
            f"by {count_of(num_known, 'label')} outside val and test"
        )
    ]
    if len(samples) < query.budget:
        lines.append(f"No more than {len(samples):,} could be chosen; {query.budget:,} were wanted")
    for name, meaning in dict.fromkeys((line.strategy, line.why) for line in samples):
        lines.append(f"{name}: {meaning}")
    if num_random := _num_random(samples):
        lines.append(f"{num_random:,} are random and may go to val and test; the others go to train alone")
        lines += describe_bias(pool)
    elif missing := _parts_with_few(pool):
        lines.append(
            f"{' and '.join(missing)} have under {FEW} labelled samples, and none of this batch can go there: add "
            "--random-share 0.5"
        )
    names = set(pool.samples.loc[pool.is_open, "sample_id"])
    queued = {line.sample_id for line in samples}
    if back := sum(line.sample_id in names - queued for line in before):
        lines.append(f"{count_of(back, 'sample')} of the former queue ({_batches(before)}) had no label, and went back")
    return [*lines, f"Queue: {QUEUE}", NEXT]


def describe_bias(pool: SamplePool) -> list[str]:
    """That random samples of what is left are not like all samples, once much was chosen by queries or models."""
    chosen = {name for name, one in pool.reviewed.items() if one.is_selected}
    share = len(chosen) / max(len(chosen) + int(pool.is_open.sum()), 1)
    if share <= MOST_SELECTED:
        return []
    return [
        (
            f"{100 * share:.0f} % of the samples that had no label were chosen by a query or labelled by a model "
            "before, and val and test have none of these: their figures are of the others"
        )
    ]


def _parts_with_few(pool: SamplePool) -> list[str]:
    counts = pool.samples.loc[pool.samples["is_labelled"] & ~pool.samples["is_dropped"], "split"].value_counts()
    return [part for part in MEASURED if counts.get(part, 0) < FEW]


def _batches(samples: Sequence[QueuedSample]) -> str:
    return ", ".join(f"{number:,} of {name}" for name, number in Counter(line.batch for line in samples).items())
