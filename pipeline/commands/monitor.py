"""Measures how new pictures differ from those that the model in use was trained on.

Compares properties, frozen features, labels where there are some, decisions, and the accuracy that the confidence of
the model lets expect, each with what chance explains. Few pictures are no error: what they cannot show is said, and how
many would. Writes reports/monitoring.json and reports/monitoring.html; changes nothing else, and runs no stage.

New pictures are files and folders (PATH), answers of colibri serve (--served), logged predictions (--logged), or what
the manifest has beyond the last split.

Examples:
  colibri monitor ~/pictures_of_june            unlabelled pictures
  colibri monitor scans/ --groups folder        each sub-folder is a patient, a batch, a camera
  colibri monitor --served --since 2026-11-01   pictures that colibri serve answered about since then
  colibri monitor --logged predictions.parquet  columns prop_*, class, scores; sample_id and group where known
  colibri monitor                               samples of the manifest that were not split yet
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of, say
from pipeline.core.times import read_time
from pipeline.media.choice import media_of_params

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.core.drift_report import DriftReport
    from pipeline.core.observations import Observations
    from pipeline.core.open_types import Params
    from pipeline.monitoring.measurement import MonitoringOptions
    from pipeline.prediction.new_pictures import Grouping, NewPictures

PROJECT = "project"  # as retraining.feedback names the database of colibri serve here
GROUPS = ("picture", "folder", "one")
STATES = {"drifted": "drifted", "not_shown": "no drift shown", "cannot_be_judged": "cannot be judged"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a picture, a folder, or a pattern in quotes")
    parser.add_argument("--logged", metavar="FILE", help="instead of a PATH: a Parquet table of logged predictions")
    parser.add_argument(
        "--served",
        nargs="?",
        const=PROJECT,
        metavar="URL",
        help="instead of a PATH: the answers of colibri serve in this project, or in the database of a URL",
    )
    parser.add_argument("--since", type=read_time, metavar="TIME", help="of --served: the first one (ISO 8601, UTC)")
    parser.add_argument(
        "--groups",
        choices=GROUPS,
        help="of a PATH: which pictures belong together, those of a folder, all (one) or none (picture); without it "
        "each counts alone where those of the training do, else all as one group",
    )


def main(
    paths: list[str],
    logged: str | None = None,
    groups: Grouping | None = None,
    served: str | None = None,
    since: datetime | None = None,
) -> None:
    from pipeline.monitoring.measurement import MonitoringOptions, measure_drift
    from pipeline.monitoring.reference import load_reference
    from pipeline.prediction.monitoring_files import write_monitoring

    if sum(map(bool, (paths, logged, served is not None))) > 1:
        raise UserError("name pictures, --logged FILE or --served, and only one of them")
    if since and served is None:
        raise UserError("--since is for --served")
    if groups and not paths:
        raise UserError("--groups is for a PATH; a table has the column group, and the manifest has groups")
    params = config.load_params()
    section = config.get_section(params, "monitoring")
    options: MonitoringOptions = config.instantiate(MonitoringOptions, section, "monitoring")
    tests = config.build_all(params, "monitor")
    reference = load_reference()
    new = (
        observe_served(params, reference, served, since)
        if served is not None
        else observe(params, reference, options, paths, logged, groups)
    )
    notes = [*new.notes, *describe_production(params, served, since)]
    report = measure_drift(reference, new.observed, tests, options)
    write_monitoring(params, report, new.what)
    say(
        *notes,
        *summarise(report, noun_of(media_of_params(params))),
        f"wrote {artifacts.MONITORING} and {artifacts.MONITORING_PAGE}",
    )


def observe(
    params: Params,
    reference: Observations,
    options: MonitoringOptions,
    paths: list[str],
    logged: str | None,
    groups: Grouping | None,
) -> NewPictures:
    """The new pictures that the command names.

    Raises:
        UserError: There are none.
    """
    from pipeline.monitoring.reference import select_new
    from pipeline.prediction.new_pictures import observe_files, observe_log, observe_samples

    if logged:
        return observe_log(Path(logged), reference)
    if paths:
        return observe_files(paths, params, reference, options.max_samples, options.seed, groups)
    rows = select_new()
    if not len(rows):
        raise UserError(
            f"{artifacts.MANIFEST} has no picture that was not split; name new ones: colibri monitor FOLDER"
        )
    return observe_samples(rows, params, reference, options.max_samples, options.seed)


def observe_served(params: Params, reference: Observations, store: str, since: datetime | None) -> NewPictures:
    """The pictures that a server answered about.

    Raises:
        UserError: There are none.
    """
    from pipeline.retraining import drift_reading
    from pipeline.serving.answered_pictures import find_store

    address = find_store(store)
    if not address:
        raise UserError("no server has stored an answer in this project; name the database: --served URL")
    return drift_reading.observe_served(params, reference, address, since)


def describe_production(params: Params, store: str | None, since: datetime | None) -> list[str]:
    """The accuracy in production of the version of the last run; nothing where no answers of a server are looked at."""
    from pipeline.serving.answered_pictures import find_store, served_version
    from pipeline.serving.audit_share import describe_accuracy, measure_accuracy, read_audits

    address = find_store(store)
    if address is None:
        return []
    model = str(config.get_section(params, "register")["model_name"])
    return [describe_accuracy(measure_accuracy(read_audits(address, model, served_version(model), since)))]


def summarise(report: DriftReport, noun: str = "picture") -> list[str]:
    """A line for each measure, and the result; a sample is called `noun`."""
    counted = f"{count_of(report.num_new, f'new {noun}')} in {count_of(report.num_new_groups, 'group')}"
    lines = [f"{counted}, against {count_of(report.num_reference, noun)} of the training"]
    for measure in report.measures:
        p_value = "" if measure.p_value is None else f" (p = {measure.p_value:.3f})"
        lines.append(f"{STATES[measure.state]:17s}  {measure.name.replace('_', ' ')}: {measure.sentence}{p_value}")
    lines += [f"{'not measured':17s}  {name.replace('_', ' ')}: {why}" for name, why in report.not_measured.items()]
    return [*lines, *report.caveats, report.describe_result(noun)]
