"""Drift of what arrived since the last finished run: where its measurement meets the decision to retrain."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
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
from pipeline.retraining.data_changes import is_of_finished_run
from pipeline.serving.answered_pictures import WHAT as WHAT_SERVED
from pipeline.serving.answered_pictures import observe_answers, served_version

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.core.drift_report import DriftReport
    from pipeline.core.observations import Observations
    from pipeline.core.open_types import Params
    from pipeline.prediction.new_pictures import NewPictures

NONE_KNOWN = "No finished run is known here, so there is nothing to compare new pictures with."
NONE_NEW = "No new picture has arrived."
UNFINISHED = "The last run did not finish: data/ is not what the model in use was trained on."
SERVED, SERVED_PAGE = Path("reports/monitoring_served.json"), Path("reports/monitoring_served.html")
WHAT = "pictures that arrived since the last finished run"


def measure_new(
    params: Params, before: pd.DataFrame | None, now: pd.DataFrame, write: bool, share: float = 1.0
) -> tuple[DriftReading, DriftReport | None]:
    """The drift of samples that the last finished run did not have, and the report behind it.

    Those of feedback are left out: people correct mistakes, so they differ from the training by how they were chosen.

    Args:
        params: As conf/ composes them.
        before: The manifest of the last finished run; None where none is known.
        now: The manifest of today, with all columns.
        write: Whether `reports/monitoring.json` and `reports/monitoring.html` are written.
        share: Of `monitoring.alpha` that this question may use; 0.5 where `measure_served` asks, too.
    """
    if before is None:
        return _report_obstacle(NONE_KNOWN)
    is_new = ~now["sample_id"].isin(set(before["sample_id"])) & ~now["sample_id"].map(is_feedback).astype(bool)
    rows = now[is_new].reset_index(drop=True)
    if not len(rows):
        return _report_obstacle(NONE_NEW)
    options = _read_options(params, share)
    try:
        if not _is_finished(before):
            return _report_obstacle(UNFINISHED)
        reference = load_reference()
        new = observe_samples(rows, params, reference, options.max_samples, options.seed)
    except UserError as problem:
        return _report_obstacle(f"{str(problem).rstrip('.')}.")
    report = measure_drift(reference, new.observed, config.build_all(params, "monitor"), options)
    if write:
        write_monitoring(params, report, WHAT, now)
    return DriftReading(state=report.state, sentence=report.sentence), report


def observe_served(params: Params, reference: Observations, store: str, since: datetime | None = None) -> NewPictures:
    """The pictures that a server answered about.

    Args:
        params: All parameters.
        reference: What they will be compared with.
        store: Address of the database of the server.
        since: The first answer; None for all.

    Raises:
        UserError: There is no such database, or no new picture in it.
    """
    options, model = _read_options(params, 1.0), str(params["register"]["model_name"])
    version = served_version(model) if is_of_finished_run(artifacts.PREDICTIONS) else None
    return observe_answers(store, model, version, reference, options.max_samples, options.seed, since)


def measure_served(
    params: Params, reference: Observations, new: NewPictures, write: bool
) -> tuple[DriftReading, DriftReport]:
    """The drift of what a server answered about, against the last finished run, and the report behind it.

    It uses half of `monitoring.alpha`; `measure_new` has the other half.

    Args:
        params: As conf/ composes them.
        reference: What the model in use was trained on.
        new: As `observe_served` returns them.
        write: Whether `reports/monitoring_served.json` and its page are written.
    """
    report = measure_drift(reference, new.observed, config.build_all(params, "monitor"), _read_options(params, 0.5))
    if write:
        write_monitoring(params, report, WHAT_SERVED, page=SERVED_PAGE, figures=SERVED)
    return DriftReading(state=report.state, sentence=" ".join([report.sentence, *new.notes])), report


def find_served(
    params: Params, before: pd.DataFrame | None, store: str, since: datetime | None
) -> tuple[Observations, NewPictures] | DriftReading:
    """The reference and `observe_served`, or why nothing can be compared.

    Args:
        params: As conf/ composes them.
        before: The manifest of the last finished run; None where none is known.
        store: Address of the database of the server.
        since: When the champion was registered; None for all answers.
    """
    if before is None:
        return _report_obstacle(NONE_KNOWN)[0]
    try:
        if not _is_finished(before):
            return _report_obstacle(UNFINISHED)[0]
        reference = load_reference()
        return reference, observe_served(params, reference, store, since)
    except UserError as problem:
        return _report_obstacle(f"{str(problem).rstrip('.')}.")[0]


def _read_options(params: Params, share: float) -> MonitoringOptions:
    """The section `monitoring` with a share of its alpha, which takes the more permutations."""
    options: MonitoringOptions = config.instantiate(
        MonitoringOptions, config.get_section(params, "monitoring"), "monitoring"
    )
    alpha = options.alpha * share
    return replace(options, alpha=alpha, num_permutations=max(options.num_permutations, math.ceil(1 / alpha) - 1))


def _is_finished(before: pd.DataFrame) -> bool:
    """Whether data/ is what the last finished run left."""
    present = artifacts.read_table(artifacts.MANIFEST, columns=["sample_id"])["sample_id"]
    return set(present) == set(before["sample_id"])


def _report_obstacle(sentence: str) -> tuple[DriftReading, None]:
    return DriftReading(state="cannot_be_judged", sentence=sentence), None
