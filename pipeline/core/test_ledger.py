"""Who has read the test part: a line for each reading, in a file of the main checkout that no run removes.

The more often decisions follow from one test part, the better the best model looks on it without being better. So each
evaluation is counted, also one that was never registered. The file is no artifact: it grows with whatever is done next.
`evaluate` writes the part of it up to its own result to `reports/test_readings.json`. That part never changes again, so
pages that show it stay the same, however often a stage runs.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
        what: What read it: `evaluate`, `compare`, `leaderboard`, `cross-validate`.
        run: Training key of the model, or the names of what was compared.
        date: UTC, ISO 8601; empty where only the artifact of another checkout tells of the reading.
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
    """

    results: dict[str, int]

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Uses:
        """Those of readings of one test part."""
        different = {(reading.what, reading.result) for reading in readings}
        return cls(results=dict(sorted(Counter(what for what, _ in different).items())))

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
    line = _to_line(reading)
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


def write_ledger(readings: Iterable[Reading], checkout: Path) -> None:
    """Writes the ledger of a checkout that has none."""
    with artifacts.atomic_write(checkout / LEDGER) as temporary:
        temporary.write_bytes(b"".join(map(_to_line, readings)))


def _to_line(reading: Reading) -> bytes:
    return artifacts.canonical_json(asdict(reading)) + b"\n"


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
    """How often a test part was read until now, by the digest of its samples."""
    return Uses.of(reading for reading in read_readings() if reading.test_set == test_set)


def list_until(last: Reading) -> list[Reading]:
    """The different results that were read from a test part until one of them, which is the last; the oldest first.

    The list is the same at any later time, since the ledger only grows at its end.
    """
    found: dict[tuple[str, str], Reading] = {}
    for reading in [*read_readings(), last]:
        if reading.test_set == last.test_set:
            found.setdefault((reading.what, reading.result), reading)
        if (last.what, last.result) in found:
            break
    return [*found.values()]


def write_history(readings: Sequence[Reading]) -> None:
    """Writes `reports/test_readings.json`, without dates: the same readings on another day give the same bytes.

    Args:
        readings: As `list_until` returns them.
    """
    entries = [{"what": one.what, "result": one.result, "run": one.run} for one in readings]
    artifacts.write_json(artifacts.TEST_READINGS, {"test_set": readings[-1].test_set, "readings": entries})


def read_history(path: Path = artifacts.TEST_READINGS) -> list[Reading]:
    """The readings in `reports/test_readings.json`, the oldest first; their dates are empty.

    Raises:
        UserError: It is not what `write_history` writes.
    """
    content = artifacts.read_json(path)
    try:
        return [Reading(test_set=str(content["test_set"]), date="", **entry) for entry in content["readings"]]
    except (TypeError, KeyError):
        raise UserError(f"{path}: not a list of readings of test; remove it and run dvc repro") from None
