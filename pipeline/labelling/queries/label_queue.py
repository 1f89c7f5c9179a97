"""The file `reports/label_queue.csv`: the samples that people should label next, in which order and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipeline.core import artifacts
from pipeline.core.delimited_text import decode_text, join_rows, split_rows
from pipeline.core.errors import UserError

QUEUE = Path("reports/label_queue.csv")  # of this checkout: git ignores it, and colibri query writes it anew
COLUMNS = ("sample_id", "batch", "order", "strategy", "score", "why")


@final
@dataclass(frozen=True, kw_only=True)
class QueuedSample:
    """A line of the file.

    Attributes:
        batch: `STRATEGY/NUMBER`, which goes into the decision about the sample; `random/NUMBER` may measure a model.
        order: From 1, the first to be labelled first.
        strategy: That chose it: a file of conf/query/.
        score: Why, as a number.
        why: What the score is.
    """

    sample_id: str
    batch: str
    order: int
    strategy: str
    score: float
    why: str

    @property
    def number(self) -> int:
        """Of the batch."""
        return batch_number(self.batch)


def batch_number(batch: str) -> int:
    """The number after the last slash of a batch; 0 where there is none."""
    text = batch.rpartition("/")[2]
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else 0


MOST_DIGITS = 10


def next_number(batches: Iterable[str]) -> int:
    """One more than the largest number of all batches."""
    return 1 + max(map(batch_number, batches), default=0)


def read_queue(path: Path = QUEUE) -> list[QueuedSample]:
    """The samples of the file in their order; none where there is no file.

    Raises:
        UserError: The file cannot be read, or is no queue.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    columns, rows, lines = split_rows(path, decode_text(data, path))
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}; remove it, and colibri query writes it anew")
    return sorted(
        (_sample(row, f"{path}: line {line}") for row, line in zip(rows, lines, strict=True)), key=lambda one: one.order
    )


def _sample(row: dict[str, str], where: str) -> QueuedSample:
    try:
        return QueuedSample(
            sample_id=row["sample_id"],
            batch=row["batch"],
            order=int(row["order"]),
            strategy=row["strategy"],
            score=float(row["score"]),
            why=row["why"],
        )
    except ValueError:
        raise UserError(
            f"{where} must hold a whole number in order and a number in score, got {row['order'][:80]!r} and "
            f"{row['score'][:80]!r}; remove the file, and colibri query writes it anew"
        ) from None


def write_queue(samples: Sequence[QueuedSample], path: Path = QUEUE) -> None:
    """Writes the file anew."""
    rows = [[one.sample_id, one.batch, str(one.order), one.strategy, f"{one.score:.6g}", one.why] for one in samples]
    artifacts.write_text(path, join_rows([COLUMNS, *rows]))
