"""What is known of drift. This is the one place where the measurement of drift meets the decision to retrain."""

from __future__ import annotations

from pipeline.core.retrain_contracts import DriftReading

NOT_MEASURED = "nothing measures drift in this project yet, so this rule says nothing."


def read_drift() -> DriftReading:
    """The state of drift of what arrived since the last finished run, with its sentence."""
    return DriftReading(state="cannot_be_judged", sentence=NOT_MEASURED)
