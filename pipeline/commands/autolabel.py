"""Lets a registered model label what it is sure of: as many samples as keep the share of errors below a limit.

The threshold is the lowest at which labelled samples of val show, with --confidence, that at most --max-error of the
labels are wrong; where none does, nothing is written, and the message says how many labels of val would be needed.
Samples of val and test, and those that a person decided on, are never touched. Labels are lines of
data/label_decisions/ with the model as who. A random share (--audit-share) gets no label: it waits in
reports/label_queue.csv for a person, and --audit says afterwards how many of the model's labels are wrong.

Examples:
  colibri autolabel --dry-run                           what would be written
  colibri autolabel --max-error 0.02 --confidence 0.99
  colibri autolabel --model colibri-screws@4 --audit-share 0.1
  colibri autolabel --audit                             the error, by what people labelled since
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from pipeline.core.open_types import Params
    from pipeline.labelling.automatic.auto_labels import AutoLabelOptions
    from pipeline.labelling.pool import SamplePool

MAX_ERROR, CONFIDENCE, AUDIT_SHARE = 0.05, 0.95, 0.05


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-error", type=float, default=MAX_ERROR, metavar="SHARE", help=f"of wrong labels (default: {MAX_ERROR})"
    )
    parser.add_argument(
        "--confidence", type=float, default=CONFIDENCE, metavar="SHARE", help=f"that it holds (default: {CONFIDENCE})"
    )
    parser.add_argument(
        "--audit-share",
        type=float,
        default=AUDIT_SHARE,
        metavar="SHARE",
        help=f"kept back for a person at random (default: {AUDIT_SHARE})",
    )
    parser.add_argument(
        "--model", default="champion", help="champion, NAME@VERSION or VERSION, of the last run (default: champion)"
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument("--audit", action="store_true", help="write nothing: the error by what people labelled since")


def main(
    max_error: float = MAX_ERROR,
    confidence: float = CONFIDENCE,
    audit_share: float = AUDIT_SHARE,
    model: str = "champion",
    dry_run: bool = False,
    audit: bool = False,
) -> None:
    if not 0 < max_error < 1:
        raise UserError(f"--max-error must be above 0 and below 1, got {max_error:g}")
    if not 0.5 < confidence < 1:
        raise UserError(f"--confidence must be above 0.5 and below 1, got {confidence:g}")
    if not 0 <= audit_share <= 1:
        raise UserError(f"--audit-share must be from 0 to 1, got {audit_share:g}")
    from pipeline.core import config
    from pipeline.labelling.automatic.auto_labels import AutoLabelOptions
    from pipeline.labelling.pool import read_pool

    params = config.load_params()
    pool = read_pool(params)
    if audit:
        describe_audits(pool)
        return
    options = AutoLabelOptions(max_error=max_error, confidence=confidence, audit_share=audit_share)
    label_samples(params, pool, options, model, dry_run)


def label_samples(params: Params, pool: SamplePool, options: AutoLabelOptions, model: str, dry_run: bool) -> None:
    """Writes labels of the model, and what is kept back; with `dry_run` says what would be written.

    Raises:
        UserError: No threshold holds, nothing is without a label, or the model is not that of the last run.
    """
    from datetime import UTC, datetime

    from pipeline.core import artifacts
    from pipeline.labelling.automatic import auto_labels
    from pipeline.labelling.automatic.scored_samples import load_registered
    from pipeline.labelling.automatic.val_predictions import read_val_predictions
    from pipeline.media.reader import make_reader

    auto_labels.refuse_another_batch(pool)
    found = load_registered(model)
    rows = pool.samples[auto_labels.find_open(pool)].reset_index(drop=True)
    if rows.empty:
        raise UserError(
            "every sample has a label, or waits for a person; add samples without one, then run colibri run"
        )
    reader = make_reader(params, artifacts.read_table(artifacts.MANIFEST))
    val, predictions = auto_labels.find_val(pool, read_val_predictions())
    found.refuse_other_predictions(predictions, val, reader)
    labelled = auto_labels.bound_errors(val, found.read_stored(predictions), pool)
    number = auto_labels.next_number(pool)
    plan = auto_labels.plan_labels(found.name, rows, found.score(rows, reader), labelled, options, number)
    auto_labels.refuse_without_threshold(plan, labelled, options)
    say(f"model: {found.version}", *auto_labels.describe_plan(plan))
    if dry_run:
        say("nothing was written (--dry-run)")
        return
    auto_labels.write_plan(plan, pool.source, options, datetime.now(UTC).isoformat(timespec="seconds"))
    say(f"wrote {artifacts.decisions_file(pool.source)}; colibri run trains with the labels")


def describe_audits(pool: SamplePool) -> None:
    """The error of each model's labels.

    Raises:
        UserError: No model has labelled a sample.
    """
    from dataclasses import asdict

    from pipeline.labelling.automatic.label_figures import audits_of
    from pipeline.report.labelling import describe_model

    results = audits_of(pool)
    if not results:
        raise UserError("no model has labelled a sample of this project; colibri autolabel lets the champion do it")
    say(*(f"{one.model}: {describe_model(asdict(one) | {'error': one.error.to_json()})}" for one in results))
