"""`colibri retrain`, which ends itself by SIGKILL where a step's work is done and its record is not written.

    python -m benchmarks.killed_retrain STEP [ARGUMENT...]

For benchmarks/year.py and its test: the next call finds the work done and does not know it, at exactly this place.
"""

from __future__ import annotations

import os
import signal
import sys

from pipeline.retraining.journal import RetrainJournal

STEPS = ("fetch", "feedback", "look", "decide", "run", "outcome", "write", "track", "push", "commit", "notify")


def kill_before_recording(step: str) -> None:
    """From here on this process ends itself where the journal would record the step."""
    save = RetrainJournal.save

    def die(journal: RetrainJournal) -> None:
        if step in journal.results:
            os.kill(os.getpid(), signal.SIGKILL)
        save(journal)

    setattr(RetrainJournal, "save", die)  # noqa: B010 mypy takes no assignment


def main() -> None:
    step, *words = sys.argv[1:]
    if step not in STEPS:
        raise SystemExit(f"{step} is no step of a retraining; steps: {', '.join(STEPS)}")
    kill_before_recording(step)
    from pipeline.commands.main import main as colibri

    sys.argv[1:] = ["retrain", *words]
    colibri()


if __name__ == "__main__":
    main()
