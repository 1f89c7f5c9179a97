"""Which samples the page shows, and in which order: the queue of a query, suspects, clusters, duplicates, or all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.labelling.pool import duplicate_groups
from pipeline.labelling.queries.label_queue import read_queue
from pipeline.labelling.web.suggestions import read_suspects
from pipeline.serving.limits import Refusal
from pipeline.statistics.nearest_neighbors import nearest_rows

VIEWS = ("queue", "suspects", "clusters", "duplicates", "all")
Found = TypeVar("Found")
MOST_ALIKE = 500  # samples that are like another one


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Samples in an order, in groups or in none.

    Attributes:
        rows: (n,) of the samples.
        groups: Title and first position of each group; empty without groups.
        notes: Row to what the page says of the sample here.
    """

    rows: np.ndarray
    groups: list[tuple[str, int]] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)

    def select(self, mask: np.ndarray) -> View:
        """The samples of the view for which an (N,) mask of all samples holds; empty groups are left out."""
        keeps = mask[self.rows]
        if not self.groups:
            return View(rows=self.rows[keeps], notes=self.notes)
        before = np.concatenate([[0], np.cumsum(keeps)])
        starts = [start for _, start in self.groups] + [len(self.rows)]
        groups = [
            (title, int(before[start]))
            for (title, start), end in zip(self.groups, starts[1:], strict=True)
            if before[end] > before[start]
        ]
        return View(rows=self.rows[keeps], groups=groups, notes=self.notes)


def find_queued(row_of: dict[str, int]) -> tuple[list[int], dict[str, str], dict[int, str]]:
    """Rows that a query chose, in its order; sample_id to the batch; row to the reason. Nothing without a queue.

    Raises:
        UserError: The file is no queue.
    """
    queued = {line.sample_id: line for line in reversed(read_queue()) if line.sample_id in row_of}
    lines = sorted(queued.values(), key=lambda line: line.order)
    batches = {line.sample_id: line.batch for line in lines}
    return [row_of[name] for name in batches], batches, {row_of[line.sample_id]: line.why for line in lines}


@final
class Views:
    """The views of a project; each but the queue is computed when it is first opened.

    Args:
        samples: As `SamplePool.samples`.
        features: (N, D) frozen features.
        row_of: sample_id to row.
    """

    def __init__(self, samples: pd.DataFrame, features: np.ndarray, row_of: dict[str, int]):
        self.samples, self.features, self.row_of = samples, features, row_of
        self.batches: dict[str, str] = {}  # sample_id to its batch, of the queue that was opened last
        self._found: dict[str, View] = {}
        self._make: dict[str, Callable[[], View]] = {
            "queue": self._queue,
            "suspects": self._suspects,
            "clusters": self._clusters,
            "duplicates": self._duplicates,
            "all": self._all,
        }

    def get(self, name: str) -> View:
        """The view of a name.

        Raises:
            Refusal: What it shows does not exist yet; the message names the command that makes it.
        """
        if name not in self._found or name == "queue":  # another query may have written the queue anew
            self._found[name] = self._make[name]()
        return self._found[name]

    def alike(self, row: int, number: int = MOST_ALIKE) -> tuple[View, np.ndarray]:
        """The samples whose features are nearest to those of one, itself first, and the cosines."""
        everything = np.arange(len(self.samples))
        cosines, rows = nearest_rows(self.features[row : row + 1], self.features, everything, number)
        order = np.argsort(rows[0] != row, kind="stable")
        return View(rows=rows[0][order]), cosines[0][order]

    def _queue(self) -> View:
        rows, self.batches, reasons = _read(lambda: find_queued(self.row_of))
        if not rows:
            raise Refusal(404, "no_view", "no query has chosen samples yet; run colibri query")
        return View(rows=np.array(rows), notes=reasons)

    def _suspects(self) -> View:
        rows, found = read_suspects(self.row_of)
        if not rows:
            raise Refusal(404, "no_view", "no label is suspected, or the stage curate did not run; run colibri run")
        notes = {row: f"{one.labels[0]} suggested" for row, one in found.items()}
        return View(rows=np.array(rows), notes=notes)

    def _clusters(self) -> View:
        if not artifacts.CLUSTERS_TABLE.exists():
            raise Refusal(404, "no_view", "there are no clusters yet; run colibri clusters")
        table = pd.read_csv(artifacts.CLUSTERS_TABLE, dtype={"sample_id": str}, keep_default_na=False)
        table = table[table["sample_id"].isin(self.row_of)]
        table = table.sort_values(["cluster", "score"], ascending=[True, False], kind="stable")
        rows = np.array([self.row_of[name] for name in table["sample_id"]], dtype=np.int64)
        return View(rows=rows, groups=_groups(table["cluster"].tolist(), "Cluster {}"))

    def _duplicates(self) -> View:
        names = pd.Series(_read(lambda: duplicate_groups(self.samples)))
        counts = names.map(names.value_counts())
        rows = np.flatnonzero(counts > 1)
        if not len(rows):
            raise Refusal(404, "no_view", "no two samples look alike or are of one group")
        codes = pd.factorize(names[rows])[0]
        order = np.argsort(codes, kind="stable")
        return View(rows=rows[order], groups=_groups((codes[order] + 1).tolist(), "Alike, {}"))

    def _all(self) -> View:
        return View(rows=np.arange(len(self.samples)))


def _read(read: Callable[[], Found]) -> Found:
    """What a file says; a file that cannot be read refuses the view alone."""
    try:
        return read()
    except UserError as error:
        raise Refusal(404, "no_view", str(error)) from None


def _groups(keys: Sequence[object], title: str) -> list[tuple[str, int]]:
    """A group for each run of equal keys."""
    starts = [place for place, key in enumerate(keys) if place == 0 or keys[place - 1] != key]
    return [(title.format(keys[start]), start) for start in starts]
