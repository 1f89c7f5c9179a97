"""Who has read the test part: a line for each reading, in a file of the main checkout that no run removes.

The more often decisions follow from one test part, the better the best model looks on it without being better. So each
evaluation is counted, also one that was never registered. The file is no artifact: it holds dates, and no stage that
computes anything reads it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.uris import main_checkout

if TYPE_CHECKING:
    from pipeline.core.predictions import Predictions

LEDGER = Path("test_readings.jsonl")  # in the main checkout, as mlflow.db is; git ignores both
EVALUATE = "evaluate"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of the test part.

    Attributes:
        test_set: Digest of the test samples.
        result: Digest of what was decided on them; the same model gives the same one.
        what: What read it: `evaluate`, `compare`, `leaderboard`.
        run: Training key of the model, or the names of what was compared.
        date: UTC, ISO 8601.
    """

    test_set: str
    result: str
    what: str
    run: str
    date: str

    @classmethod
    def of(cls, models: Iterable[Predictions], what: str, run: str) -> Reading:
        """A reading of now.

        Args:
            models: The predictions on test of each model that was evaluated or compared, at least one.
            what: What read it.
            run: Training key of the model, or the names of what was compared.
        """
        several = list(models)
        return cls(
            test_set=digest_samples(several[0].sample_ids),
            result=artifacts.content_digest(*map(_digest_decisions, several)),
            what=what,
            run=run,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )


@dataclass(frozen=True, kw_only=True)
class Uses:
    """How often a test part was read.

    Attributes:
        results: What read it to the number of different results; repeated readings of one result count once.
        first: Date of the first reading; empty where there is none.
    """

    results: dict[str, int]
    first: str

    @property
    def total(self) -> int:
        """Number of different results."""
        return sum(self.results.values())


def digest_samples(sample_ids: Iterable[str]) -> str:
    """Digest of a test part: of the names of its samples, whatever their order and their labels."""
    return artifacts.content_digest(artifacts.canonical_json(sorted(map(str, sample_ids))))


def _digest_decisions(model: Predictions) -> bytes:
    names = artifacts.canonical_json([str(name) for name in model.sample_ids])
    scores = model.scores.astype("<f4").tobytes()
    return artifacts.content_digest(names, model.decided.tobytes(), scores).encode()


def record(reading: Reading) -> None:
    """Adds a reading; the same result by the same command and run is written once.

    Raises:
        UserError: The file cannot be written.
    """
    if any(_is_same(reading, one) for one in read_readings()):
        return
    path = main_checkout() / LEDGER
    line = artifacts.canonical_json(asdict(reading)) + b"\n"
    try:
        with path.open("ab+", buffering=0) as ledger:  # one call of the system: lines of several processes do not mix
            ledger.seek(max(0, ledger.seek(0, os.SEEK_END) - 1))
            is_cut_short = ledger.read(1) not in (b"", b"\n")  # by a process that was killed
            ledger.write(b"\n" + line if is_cut_short else line)
    except OSError as error:
        raise UserError(
            f"{path}, which counts the readings of test, cannot be written ({error.strerror}); make it writable, then "
            "run again"
        ) from None


def _is_same(reading: Reading, other: Reading) -> bool:
    return (reading.test_set, reading.result, reading.what, reading.run) == (
        other.test_set,
        other.result,
        other.what,
        other.run,
    )


def read_readings() -> list[Reading]:
    """All readings that were recorded, the oldest first; a line that was cut short is left out."""
    path = main_checkout() / LEDGER
    if not path.is_file():
        return []
    return list(_parse(path.read_text(encoding="utf-8", errors="replace").splitlines()))


def _parse(lines: Iterable[str]) -> Iterator[Reading]:
    keys = Reading.__dataclass_fields__.keys()
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.keys() == keys and all(isinstance(one, str) for one in entry.values()):
            yield Reading(**entry)


def count_uses(test_set: str) -> Uses:
    """How often a test part was read, by the digest of its samples."""
    own = [one for one in read_readings() if one.test_set == test_set]
    different = {(one.what, one.result) for one in own}
    return Uses(
        results=dict(sorted(Counter(what for what, _ in different).items())),
        first=min((one.date for one in own), default=""),
    )
