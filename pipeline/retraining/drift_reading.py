"""Drift of what arrived since the last finished run: where its measurement meets the decision to retrain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.retrain_contracts import DriftReading
from pipeline.images.feedback_pictures import is_feedback
from pipeline.monitoring.measurement import MonitoringOptions, measure_drift
from pipeline.monitoring.reference import load_reference
from pipeline.prediction.monitoring_files import write_monitoring
from pipeline.prediction.new_pictures import observe_samples

if TYPE_CHECKING:
    from pipeline.core.drift_report import DriftReport
    from pipeline.core.open_types import Params

NONE_KNOWN = "No finished run is known here, so there is nothing to compare new pictures with."
NONE_NEW = "No new picture has arrived."
UNFINISHED = "The last run did not finish: data/ is not what the model in use was trained on."
WHAT = "pictures that arrived since the last finished run"


def measure_new(
    params: Params, before: pd.DataFrame | None, now: pd.DataFrame, write: bool
) -> tuple[DriftReading, DriftReport | None]:
    """The drift of samples that the last finished run did not have, and the report behind it.

    Those of feedback are left out: people correct mistakes, so they differ from the training by how they were chosen.

    Args:
        params: As conf/ composes them.
        before: The manifest of the last finished run; None where none is known.
        now: The manifest of today, with all columns.
        write: Whether `reports/monitoring.json` and `reports/monitoring.html` are written.
    """
    if before is None:
        return _report_obstacle(NONE_KNOWN)
    is_new = ~now["sample_id"].isin(set(before["sample_id"])) & ~now["sample_id"].map(is_feedback).astype(bool)
    rows = now[is_new].reset_index(drop=True)
    if not len(rows):
        return _report_obstacle(NONE_NEW)
    section = config.get_section(params, "monitoring")
    options: MonitoringOptions = config.instantiate(MonitoringOptions, section, "monitoring")
    try:
        if set(artifacts.read_table(artifacts.MANIFEST, columns=["sample_id"])["sample_id"]) != set(
            before["sample_id"]
        ):
            return _report_obstacle(UNFINISHED)
        reference = load_reference()
        new = observe_samples(rows, params, reference, options.max_samples, options.seed)
    except UserError as problem:
        return _report_obstacle(f"{str(problem).rstrip('.')}.")
    report = measure_drift(reference, new.observed, config.build_all(params, "monitor"), options)
    if write:
        write_monitoring(params, report, WHAT, now)
    return DriftReading(state=report.state, sentence=report.sentence), report


def _report_obstacle(sentence: str) -> tuple[DriftReading, None]:
    return DriftReading(state="cannot_be_judged", sentence=sentence), None
