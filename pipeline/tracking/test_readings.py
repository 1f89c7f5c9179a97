"""Readings of the test part that a store shares: each run says which test part it read, and with which result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.test_ledger import EVALUATE, Reading, count_uses, read_history, read_readings, record
from pipeline.tracking.connection import open_store, search
from pipeline.tracking.journal import log_figures
from pipeline.tracking.runs import KEY

if TYPE_CHECKING:
    from mlflow.entities import Run

TEST_SET, TEST_RESULT = "colibri.test_set", "colibri.test_result"  # tags of a run
READINGS = "final_test/readings"  # metric of a run: results that were read from its test part, this one included


def share_reading(run_id: str, reading: Reading) -> None:
    """Tags the run with the reading, and adds those of other machines' runs to the ledger of this checkout.

    Args:
        run_id: Of the run whose model was evaluated.
        reading: Of the test part by `evaluate`.
    """
    for earlier in _of_another_checkout():
        if (earlier.what, earlier.result) != (reading.what, reading.result):  # that one has a date
            record(earlier)
    record(reading)
    with open_store() as (client, experiments):
        client.set_tag(run_id, TEST_SET, reading.test_set)
        client.set_tag(run_id, TEST_RESULT, reading.result)
        for run in search(client, experiments, f"tags.`{TEST_SET}` = '{reading.test_set}'"):
            record(_reading_of(run))
        log_figures(client, run_id, {READINGS: float(count_uses(reading.test_set).total)})


def _of_another_checkout() -> list[Reading]:
    """What `reports/test_readings.json` knows and the ledger does not: DVC brought it, evaluate did not run here."""
    known = {(one.test_set, one.what, one.result) for one in read_readings()}
    history = read_history() if artifacts.TEST_READINGS.exists() else []
    return [one for one in history if (one.test_set, one.what, one.result) not in known]


def _reading_of(run: Run) -> Reading:
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return Reading(
        test_set=run.data.tags[TEST_SET],
        result=run.data.tags.get(TEST_RESULT, run.info.run_id),
        what=EVALUATE,
        run=run.data.tags.get(KEY, run.info.run_id),
        date=started.isoformat(timespec="seconds"),
    )
