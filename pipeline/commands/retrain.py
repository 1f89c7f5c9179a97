"""Retrains when there is a reason: one command that a scheduler can call at any time, and again after a kill.

It looks at the data, decides by the rules of conf/retrain/, runs the pipeline where one gives a reason, and records
what it did: reports/retrain.json, reports/retrains.jsonl, a run in MLflow, and a commit, a push and a notification
where the section retraining of conf/config.yaml says so. The gate decides on promotion, as after every run.

Exit codes: 0 promoted or nothing to do; 1 error; 2 wrong arguments; 3 the gate refused the new version;
4 a check refused the data; 5 another call works here; 130, 143 interrupted. After 1 and an interruption call it again.

Examples:
  colibri retrain                  as a scheduler calls it
  colibri retrain --dry-run        what it would do; nothing is changed
  colibri retrain --dry-run --now 2027-03-01   what it would do on that day
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime

from pipeline.core.terminal import fail, say
from pipeline.core.times import read_time

CODES = {"failed": 1, "refused": 3, "data_check_failed": 4}  # outcome to exit code; of others 0
LOCKED = 5


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what it would do, and change nothing")
    parser.add_argument(
        "--now",
        type=read_time,
        metavar="TIME",
        help="ISO 8601 time instead of the clock, to see what a later call does",
    )


def main(dry_run: bool, now: datetime | None = None) -> None:
    from pipeline.retraining import data_changes, steps
    from pipeline.retraining.lock import RetrainingRuns, lock_retraining

    now = now or datetime.now(UTC)
    if dry_run:
        try:
            say(*steps.plan(now))
        except data_changes.DataRefused as error:
            fail(f"retrain: would end with data check failed: {error}")
            raise SystemExit(CODES["data_check_failed"]) from None
        return
    try:
        with lock_retraining(now):
            result = steps.retrain(now)
    except RetrainingRuns as error:
        fail(f"colibri retrain: {error}")
        raise SystemExit(LOCKED) from None
    outcome, reason = result["outcome"], result["reasons"][0] if result["reasons"] else ""
    named = f" ({result['model']} version {result['version']})" if "version" in result else ""
    line = f"retrain: {outcome.replace('_', ' ')}{named}: {reason}"
    code = 1 if result["problems"] else CODES.get(outcome, 0)
    (fail if code else say)(line)
    if code:
        raise SystemExit(code)
